package store

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	gohash "hash"
	"strconv"
	"strings"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/chunksize"
	"github.com/rclone/rclone/fs/hash"
)

// headSize is what an encrypted object begins with: magic and nonce of crypt.
const headSize = 32

// sums takes the bytes as they are stored and computes what a listing will
// show of them.
type sums struct {
	head  []byte // the first headSize bytes
	whole gohash.Hash
	other *hash.MultiHasher // the hash of the base, if that is no MD5
	kind  hash.Type
	// Of a multipart upload: size of a part, the part at hand, the sums so far.
	part  int64
	taken int64
	parts []byte
	count int
}

func (s *Store) summer(size int64) *sums {
	sum := &sums{whole: md5.New(), kind: s.hashType()}
	if s.s3 != nil && size >= int64(s.s3.opt.UploadCutoff) {
		parts := min(max(s.s3.opt.MaxUploadParts, 1), 10000)
		sum.part = int64(chunksize.Calculator(s.base, size, parts, fs.SizeSuffix(s.s3.opt.ChunkSize)))
	}
	if sum.kind != hash.MD5 && sum.kind != hash.None {
		if hashers, err := hash.NewMultiHasherTypes(hash.NewHashSet(sum.kind)); err == nil {
			sum.other = hashers
		}
	}
	return sum
}

// summerOf computes what an object of that size and tag should have for a tag;
// false if that is not known. The parts of a multipart object are as large as
// one of the usual sizes makes so many of them.
func (s *Store) summerOf(size int64, tag string) (*sums, bool) {
	sum := s.summer(size)
	var count int64
	if _, after, found := strings.Cut(tag, "-"); found && s.s3 != nil {
		count, _ = strconv.ParseInt(after, 10, 32)
	}
	if count == 0 {
		sum.part = 0
		return sum, tag != ""
	}
	for _, mebibytes := range []int64{5, 8, 10, 16, 32, 50, 64, 100, 128, 256, 512} {
		if part := mebibytes << 20; (size+part-1)/part == count {
			sum.part = part
			return sum, true
		}
	}
	return sum, false
}

func (s *sums) Write(p []byte) (int, error) {
	if missing := headSize - len(s.head); missing > 0 {
		s.head = append(s.head, p[:min(missing, len(p))]...)
	}
	if s.other != nil {
		_, _ = s.other.Write(p)
	}
	if s.part == 0 {
		return s.whole.Write(p)
	}
	for rest := p; len(rest) > 0; {
		n := min(int64(len(rest)), s.part-s.taken)
		_, _ = s.whole.Write(rest[:n])
		rest = rest[n:]
		if s.taken += n; s.taken == s.part {
			s.close()
		}
	}
	return len(p), nil
}

func (s *sums) close() {
	s.parts = s.whole.Sum(s.parts)
	s.whole.Reset()
	s.taken = 0
	s.count++
}

// md5 is that of the whole, or of the MD5s of the parts.
func (s *sums) md5() string {
	if s.part == 0 {
		return hex.EncodeToString(s.whole.Sum(nil))
	}
	if s.taken > 0 {
		s.close()
	}
	sum := md5.Sum(s.parts)
	return hex.EncodeToString(sum[:])
}

// tag is what a listing shows; empty if the base gives no hash.
func (s *sums) tag() string {
	switch {
	case s.part > 0:
		return fmt.Sprintf("%s-%d", s.md5(), s.count)
	case s.kind == hash.MD5:
		return s.md5()
	case s.other != nil:
		if sum, err := s.other.SumString(s.kind, false); err == nil {
			return tagged(s.kind, sum)
		}
	}
	return ""
}
