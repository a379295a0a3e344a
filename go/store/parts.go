package store

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"

	"github.com/rclone/rclone/fs"
	"golang.org/x/sync/errgroup"
)

// putInParts stores a multipart object as rclone does (lib/multipart), several
// parts at a time. The MD5 of each part, which rclone tells the server with it,
// is taken from rclone's writer: to compute it here as well would cost as much
// time as everything else.
func (s *Store) putInParts(ctx context.Context, in io.Reader, info fs.ObjectInfo, sums *sums) (err error) {
	opened, writer, err := s.base.Features().OpenChunkWriter(ctx, info.Remote(), info)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// Also after an interrupt; what it says is no more than err does.
			_ = writer.Abort(context.WithoutCancel(ctx))
		}
	}()
	if opened.ChunkSize != sums.part {
		return fmt.Errorf("rclone makes parts of %d bytes, and not of %d", opened.ChunkSize, sums.part)
	}
	size, err := writeParts(ctx, in, writer, opened, sums)
	if err != nil {
		return err
	}
	if size != info.Size() {
		return fmt.Errorf("%w: it has %d bytes instead of %d", ErrChanged, size, info.Size())
	}
	if err := writer.Close(ctx); err != nil {
		return err
	}
	return sums.take(writer)
}

// streamed is about what it takes to send a large file in one piece.
const streamed = 16 << 20

// SendBuffers is how much memory it takes to send a large file of that size.
func (s *Store) SendBuffers(size int64) int64 {
	size = s.storedSize(size)
	sums := s.summer(size)
	if !s.takesParts(sums) {
		return streamed
	}
	count := (size + sums.part - 1) / sums.part
	return min(count, max(int64(s.s3.opt.UploadConcurrency), 1)) * sums.part
}

// writeParts writes all of in and returns how much that was.
func writeParts(ctx context.Context, in io.Reader, writer fs.ChunkWriter, opened fs.ChunkWriterInfo, sums *sums) (size int64, err error) {
	width := max(opened.Concurrency, 1)
	buffers := make(chan []byte, width)
	for range width {
		buffers <- nil // made when it is first needed
	}
	group, ctx := errgroup.WithContext(ctx)
	for number := 0; err == nil; number++ {
		var buffer []byte
		select {
		case buffer = <-buffers:
		case <-ctx.Done():
			return size, errors.Join(group.Wait(), ctx.Err())
		}
		if buffer == nil {
			buffer = make([]byte, opened.ChunkSize)
		}
		var n int
		n, err = fill(in, buffer)
		if n == 0 {
			break
		}
		if number == 0 {
			sums.head = bytes.Clone(buffer[:min(n, headSize)])
		}
		size += int64(n)
		group.Go(func() error {
			_, err := writer.WriteChunk(ctx, number, bytes.NewReader(buffer[:n]))
			buffers <- buffer // never full
			return err
		})
	}
	if err == io.EOF {
		err = nil
	}
	return size, errors.Join(group.Wait(), err)
}

// take takes the MD5s of the parts from a writer of rclone's.
func (s *sums) take(writer fs.ChunkWriter) error {
	parts, ok := hidden[[]byte](writer, "md5s")
	if !ok || len(parts) == 0 || len(parts)%md5.Size != 0 {
		return errors.New("the hashes of its parts are not where they were in rclone")
	}
	s.parts, s.count, s.taken = parts, len(parts)/md5.Size, 0
	return nil
}

// takesParts tells whether rclone's writer has the hashes of the parts.
func (s *Store) takesParts(sums *sums) bool {
	return s.s3 != nil && sums.part > 0 && s.base.Features().OpenChunkWriter != nil
}
