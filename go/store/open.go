package store

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rclone/rclone/fs"

	"bridge/limit"
)

// Partly is the size from which on an object is read in parts, several at a
// time: one connection seldom carries all that the line does.
const Partly = 32 << 20

// A part takes a round trip besides its own time on the line, and parts of one
// object are hashed in their order: so they are large, and several are under way.
const (
	part     = 16 << 20
	abreast  = 6
	allBytes = -1
)

// piece is how much is read before it is written or hashed: it is then still in
// the processor's cache.
const piece = 256 << 10

// FetchBuffers is how much memory it takes to read an object of that size in parts.
func FetchBuffers(size int64) int64 {
	return min(size, abreast*part)
}

// ranged opens a range of an object: length bytes from offset, or all.
type ranged func(ctx context.Context, offset, length int64) (io.ReadCloser, error)

// ranges finds an object; on S3 that costs no request.
func (s *Store) ranges(ctx context.Context, key string) (ranged, error) {
	if d := s.s3; d != nil && d.plain() {
		return func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
			return d.get(ctx, key, offset, length)
		}, nil
	}
	var object fs.Object
	err := s.sky.Try(ctx, func(ctx context.Context) (err error) {
		object, err = s.base.NewObject(ctx, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, offset, length int64) (body io.ReadCloser, err error) {
		if length == allBytes {
			body, err = object.Open(ctx)
		} else {
			body, err = object.Open(ctx, &fs.RangeOption{Start: offset, End: offset + length - 1})
		}
		if err == nil && s.disk {
			body = limit.DownFrom(ctx, body)
		}
		return body, err
	}, nil
}

// open reads the plain content of an object in one piece.
func (s *Store) open(ctx context.Context, key string) (io.ReadCloser, error) {
	open, err := s.ranges(ctx, key)
	if err != nil {
		return nil, err
	}
	body, err := open(ctx, 0, allBytes)
	if err != nil || !s.encrypts() {
		return body, err
	}
	plain, err := s.cipher.DecryptData(body)
	if err != nil {
		_ = body.Close()
		return nil, err
	}
	return plain, nil
}

// plainRanges finds an object and opens ranges of its plain content.
func (s *Store) plainRanges(ctx context.Context, key string) (ranged, error) {
	open, err := s.ranges(ctx, key)
	if err != nil || !s.encrypts() {
		return open, err
	}
	// Each range wants the nonce in the header, which is asked for once.
	header := make([]byte, s.cipher.EncryptedSize(0))
	if err := s.sky.readRange(ctx, open, 0, header, nowhere); err != nil {
		return nil, err
	}
	withHeader := func(ctx context.Context, offset, limit int64) (io.ReadCloser, error) {
		if offset == 0 && limit == int64(len(header)) {
			return io.NopCloser(bytes.NewReader(header)), nil
		}
		return open(ctx, offset, limit)
	}
	return func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		return s.cipher.DecryptDataSeek(ctx, withHeader, offset, length)
	}, nil
}

// readRange reads a range, whose rest is asked for again when the answer breaks off.
func (s Sky) readRange(ctx context.Context, open ranged, offset int64, into []byte, put func(p []byte, offset int64) error) error {
	return s.Try(ctx, func(ctx context.Context) error {
		read, err := readSome(ctx, open, offset, into, put)
		offset, into = offset+int64(read), into[read:]
		return err
	})
}

// readSome reads a range, and tells how much of it has been put.
func readSome(ctx context.Context, open ranged, offset int64, into []byte, put func(p []byte, offset int64) error) (read int, err error) {
	if len(into) == 0 {
		return 0, nil
	}
	body, err := open(ctx, offset, int64(len(into)))
	if err != nil {
		return 0, err
	}
	defer func() { _ = body.Close() }()
	for read < len(into) {
		p := into[read:min(len(into), read+piece)]
		if _, err := io.ReadFull(body, p); err != nil {
			return read, err
		}
		if err := put(p, offset+int64(read)); err != nil {
			return read, err
		}
		read += len(p)
	}
	return read, nil
}

func nowhere([]byte, int64) error { return nil }

// plain tells whether objects are read by nothing but their key.
func (d *s3Client) plain() bool {
	return d.opt.SSECustomerAlgorithm == "" && !d.opt.RequesterPays && !d.opt.Decompress && d.opt.DownloadURL == ""
}

func (d *s3Client) get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	key := d.key(name)
	request := &s3.GetObjectInput{Bucket: &d.bucket, Key: &key}
	if length != allBytes {
		span := fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
		request.Range = &span
	}
	reply, err := d.client.GetObject(ctx, request)
	if err != nil {
		return nil, missingObject(err)
	}
	return reply.Body, nil
}

// inParts reads size bytes of content, several parts at a time. All of it is put
// with put, in pieces and in any order, and seen with see, part by part in theirs.
func (s Sky) inParts(ctx context.Context, open ranged, size int64, put func(p []byte, offset int64) error, see func(p []byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type done struct {
		bytes []byte
		err   error
	}
	free := make(chan []byte, abreast) // buffers
	for range abreast {
		free <- make([]byte, min(part, size))
	}
	parts := make(chan chan done, abreast)
	go func() {
		defer close(parts)
		for offset := int64(0); offset < size; offset += part {
			var buffer []byte
			select {
			case buffer = <-free:
			case <-ctx.Done():
				return
			}
			result := make(chan done, 1)
			parts <- result // never full: there is a buffer for each
			go func() {
				bytes := buffer[:min(part, size-offset)]
				result <- done{bytes, s.readRange(ctx, open, offset, bytes, put)}
			}()
		}
	}()
	var failed error
	for result := range parts {
		d := <-result // also after a failure: nothing is put after the return
		if d.err != nil && failed == nil {
			failed = d.err
			cancel()
		}
		if failed == nil {
			if failed = see(d.bytes); failed != nil {
				cancel()
				continue
			}
			free <- d.bytes[:cap(d.bytes)]
		}
	}
	if failed == nil {
		failed = ctx.Err()
	}
	return failed
}
