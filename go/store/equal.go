package store

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"sync"

	"github.com/rclone/rclone/backend/crypt"
	"github.com/rclone/rclone/fs"
)

// equal compares content with the object that is there already, by the tag of
// the listing: under crypt by encrypting it once more with that object's nonce.
func (s *Store) equal(ctx context.Context, job *Send, plain []byte) (kept Sent, ok bool) {
	if job.Have == nil || job.Have.Size != s.storedSize(int64(len(plain))) || len(job.Have.Tag) != 2*md5.Size {
		return kept, false
	}
	stored := plain
	if s.encrypts() {
		if s.nonces == nil {
			return kept, false
		}
		head, err := s.head(ctx, s.key(string(job.Remote)))
		if err != nil {
			return kept, false
		}
		if stored, err = s.again(head, plain); err != nil {
			return kept, false
		}
		kept.Nonce = head[8:]
	}
	sum := md5.Sum(stored)
	kept.MD5 = hex.EncodeToString(sum[:])
	if kept.MD5 != job.Have.Tag {
		return kept, false
	}
	kept.Size, kept.Tag, kept.Kept = job.Have.Size, job.Have.Tag, true
	return kept, true
}

// head reads magic and nonce of an encrypted object.
func (s *Store) head(ctx context.Context, key string) ([]byte, error) {
	object, err := s.base.NewObject(ctx, key)
	if err != nil {
		return nil, err
	}
	body, err := object.Open(ctx, &fs.RangeOption{Start: 0, End: 31})
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	head := make([]byte, 32)
	_, err = io.ReadFull(body, head)
	return head, err
}

// again encrypts plain as it was for the object that begins with head.
func (s *Store) again(head, plain []byte) ([]byte, error) {
	s.nonces.Lock()
	s.nonces.next = head[8:]
	in, err := s.nonces.cipher.EncryptData(bytes.NewReader(plain))
	s.nonces.Unlock()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(in)
}

// nonces is a cipher whose nonces are given. rclone reads one from a field of
// the cipher when an encryption begins (newEncrypter in backend/crypt).
type nonces struct {
	sync.Mutex
	cipher *crypt.Cipher
	next   []byte
}

func (n *nonces) Read(p []byte) (int, error) { return copy(p, n.next), nil }

func newNonces(cipher *crypt.Cipher) (*nonces, bool) {
	n := &nonces{cipher: cipher}
	return n, setHidden[io.Reader](cipher, "cryptoRand", n)
}
