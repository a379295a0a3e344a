package store

import (
	"context"
	"io"

	"github.com/rclone/rclone/fs"
)

// equal compares content with the object that is there already, by the tag of
// the listing: under crypt by encrypting it once more with that object's nonce.
func (s *Store) equal(ctx context.Context, job *Send, plain io.Reader) (kept Sent, ok bool) {
	size := s.storedSize(job.length())
	if job.Have == nil || job.Have.Size != size {
		return kept, false
	}
	sums, ok := s.summerOf(size, job.Have.Tag)
	if !ok {
		return kept, false
	}
	stored := plain
	if s.encrypts() {
		head, err := s.head(ctx, s.key(string(job.Remote)))
		if err != nil {
			return kept, false
		}
		if stored, err = s.fixedNonce.encrypt(head, plain); err != nil {
			return kept, false
		}
		kept.Nonce = head[8:]
	}
	if n, err := io.Copy(sums, stored); err != nil || n != size {
		return kept, false
	}
	kept.MD5, kept.Tag = sums.md5(), sums.tag()
	kept.Size, kept.Kept = size, true
	return kept, kept.Tag == job.Have.Tag
}

// head reads magic and nonce of an encrypted object.
func (s *Store) head(ctx context.Context, key string) ([]byte, error) {
	head := make([]byte, headSize)
	err := s.sky.Try(ctx, func(ctx context.Context) error {
		object, err := s.base.NewObject(ctx, key)
		if err != nil {
			return err
		}
		body, err := object.Open(ctx, &fs.RangeOption{Start: 0, End: 31})
		if err != nil {
			return err
		}
		defer func() { _ = body.Close() }()
		_, err = io.ReadFull(body, head)
		return err
	})
	return head, err
}
