package store

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rclone/rclone/fs"
)

// Partly is the size from which on an object is read in parts, several at a
// time: one connection seldom carries all that the line does.
const Partly = 32 << 20

const (
	part     = 8 << 20
	abreast  = 4
	allBytes = -1
)

// ranged opens a range of an object: length bytes from offset, or all.
type ranged func(ctx context.Context, offset, length int64) (io.ReadCloser, error)

// ranges finds an object; on S3 that costs no request.
func (s *Store) ranges(ctx context.Context, key string) (ranged, error) {
	if d := s.direct; d != nil && d.plain() {
		return func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
			return d.get(ctx, key, offset, length)
		}, nil
	}
	object, err := s.base.NewObject(ctx, key)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		if length == allBytes {
			return object.Open(ctx)
		}
		return object.Open(ctx, &fs.RangeOption{Start: offset, End: offset + length - 1})
	}, nil
}

// open reads an object of about size bytes, as stored.
func (s *Store) open(ctx context.Context, key string, size int64) (io.ReadCloser, error) {
	open, err := s.ranges(ctx, key)
	if err != nil {
		return nil, err
	}
	if size < Partly {
		return open(ctx, 0, allBytes)
	}
	return readAhead(ctx, open, size), nil
}

// plain tells whether objects are read by nothing but their key.
func (d *direct) plain() bool {
	return d.opt.SSECustomerAlgorithm == "" && !d.opt.RequesterPays && !d.opt.Decompress && d.opt.DownloadURL == ""
}

func (d *direct) get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	key := d.key(name)
	request := &s3.GetObjectInput{Bucket: &d.bucket, Key: &key}
	if length != allBytes {
		bytes := fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
		request.Range = &bytes
	}
	reply, err := d.client.GetObject(ctx, request)
	if err != nil {
		if Status(err) == http.StatusNotFound {
			return nil, fs.ErrorObjectNotFound
		}
		return nil, err
	}
	return reply.Body, nil
}

// ahead reads an object in order, from parts that are fetched ahead.
type ahead struct {
	cancel  context.CancelFunc
	parts   chan chan fetched // in order; its capacity is how many are abreast
	current []byte
	err     error
}

type fetched struct {
	bytes []byte
	err   error
}

func readAhead(ctx context.Context, open ranged, size int64) *ahead {
	ctx, cancel := context.WithCancel(ctx)
	a := &ahead{cancel: cancel, parts: make(chan chan fetched, abreast-1)}
	go func() {
		defer close(a.parts)
		for offset := int64(0); offset < size; offset += part {
			done := make(chan fetched, 1)
			select {
			case a.parts <- done:
			case <-ctx.Done():
				return
			}
			go func() {
				bytes, err := readPart(ctx, open, offset, min(part, size-offset))
				done <- fetched{bytes, err}
			}()
		}
	}()
	return a
}

func readPart(ctx context.Context, open ranged, offset, length int64) ([]byte, error) {
	body, err := open(ctx, offset, length)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	bytes := make([]byte, length)
	_, err = io.ReadFull(body, bytes)
	return bytes, err
}

func (a *ahead) Read(p []byte) (int, error) {
	for len(a.current) == 0 && a.err == nil {
		done, more := <-a.parts
		if !more {
			a.err = io.EOF
			break
		}
		next := <-done
		a.current, a.err = next.bytes, next.err
	}
	if a.err != nil {
		return 0, a.err
	}
	n := copy(p, a.current)
	a.current = a.current[n:]
	return n, nil
}

func (a *ahead) Close() error {
	a.cancel()
	return nil
}
