// Package store moves content between local files and a bucket as poof sees
// it: names and content in clear on this side; on the other, under crypt,
// exactly what rclone's crypt remote makes of them.
//
// It uses rclone's backends and rclone's cipher, but not rclone's sync: a file
// is read once, and from that one reading come its hash, the bytes that are
// sent, and the hash of these that the server must confirm.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/rclone/rclone/backend/crypt"
	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/cache"
	"github.com/rclone/rclone/fs/hash"
)

// Store is a bucket or a directory, seen through a cipher or not.
type Store struct {
	base       fs.Fs
	sky        Sky
	cipher     *crypt.Cipher // nil: names and content lie there as they are
	clear      bool          // the cipher is for names only (no_data_encryption)
	fixedNonce *fixedNonce   // the same cipher with nonces that are given
	s3         *s3Client     // what S3 tells beyond rclone's API; nil elsewhere
	asides     asides        // where what is replaced goes
	disk       bool          // no connection leads there, and nothing else obeys the limit
	counts     bool          // names are encoded for a remote that counts UTF-16 units and not bytes
}

// Open opens the place base, a connection string; cryptSection names the crypt
// remote on top of it in the configuration, or is empty.
func Open(ctx context.Context, base, cryptSection string) (*Store, error) {
	f, err := cache.Get(ctx, base)
	if err != nil && !errors.Is(err, fs.ErrorIsFile) {
		return nil, err
	}
	sky := Calm(f) // before the client in it is reached
	prepareOnce(f)
	s := &Store{base: f, sky: sky, s3: reach(f), disk: isDisk(f)}
	if cryptSection == "" {
		return s, nil
	}
	info, _, _, config, err := fs.ConfigFs(cryptSection + ":")
	if err != nil {
		return nil, err
	}
	if info.Name != "crypt" {
		return nil, fmt.Errorf("[%s] is not a crypt remote", cryptSection)
	}
	keys, err := keysOf(config)
	if err != nil {
		return nil, err
	}
	s.cipher, s.fixedNonce, s.clear = keys.cipher, &keys.fixedNonce, keys.opt.NoDataEncryption
	s.counts = keys.opt.FilenameEncoding == "base32768"
	return s, nil
}

// Verdict is why nothing more is tried, or nil.
func (s *Store) Verdict() error {
	if s.sky.Weather == nil {
		return nil
	}
	return s.sky.Verdict()
}

// key is the name under which the base knows remote.
func (s *Store) key(remote string) string {
	if s.cipher == nil {
		return remote
	}
	return s.cipher.EncryptFileName(remote)
}

// ErrName says that the remote cannot hold an object of that name.
var ErrName = errors.New("the remote cannot hold its name")

// A key of S3 ends at 1,024 bytes; a name at 255 in nearly every file system,
// also below those servers that keep objects as files.
const (
	longestKey  = 1024
	longestName = 255
)

// fits is ErrName if key is too long.
func (s *Store) fits(key string) error {
	if s.s3 != nil && len(s.s3.key(key)) > longestKey {
		return ErrName
	}
	for name := range strings.SplitSeq(key, "/") {
		length := len(name)
		if s.counts {
			length = len(utf16.Encode([]rune(name)))
		}
		if length > longestName {
			return ErrName
		}
	}
	return nil
}

// dirKey is the same for a directory.
func (s *Store) dirKey(dir string) string {
	if s.cipher == nil || dir == "" {
		return dir
	}
	return s.cipher.EncryptDirName(dir)
}

// remote is the inverse of key; false for what is not ours.
func (s *Store) remote(key string) (string, bool) {
	if s.cipher == nil {
		return key, true
	}
	name, err := s.cipher.DecryptFileName(key)
	return name, err == nil
}

// encrypts tells whether content is encrypted, too.
func (s *Store) encrypts() bool {
	return s.cipher != nil && !s.clear
}

// storedSize is the size that content of size bytes has on the base.
func (s *Store) storedSize(size int64) int64 {
	if s.encrypts() {
		return s.cipher.EncryptedSize(size)
	}
	return size
}

// hashType is the hash that the base gives without reading the content;
// hash.None if there is none.
func (s *Store) hashType() hash.Type {
	if s.base.Features().SlowHash {
		return hash.None
	}
	if s.base.Hashes().Contains(hash.MD5) {
		return hash.MD5
	}
	return s.base.Hashes().GetOne()
}

// tagged is how a listing writes a hash: bare if it is an MD5.
func tagged(t hash.Type, sum string) string {
	if t == hash.MD5 {
		return strings.ToLower(sum)
	}
	return t.String() + ":" + strings.ToLower(sum)
}
