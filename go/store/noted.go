package store

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/rclone/rclone/fs"
	"golang.org/x/sync/errgroup"

	"bridge/weather"
)

// putInNotedParts stores a multipart object, or the rest of one, of which old is noted.
func (s *Store) putInNotedParts(ctx context.Context, in io.Reader, info fs.ObjectInfo, sums *sums, job *Send, old *noted) (err error) {
	n := old
	first, size := make([]byte, min(sums.part, info.Size())), int64(0)
	got, err := fill(in, first)
	if err != nil && err != io.EOF {
		return err
	}
	sums.head = bytes.Clone(first[:min(got, headSize)])
	if n == nil {
		n, err = s.beginUpload(ctx, info, sums, job)
		if n == nil {
			return err
		}
	}
	defer func() {
		// An interrupt or the weather: the next run goes on here.
		var verdict *weather.Verdict
		if err == nil || ctx.Err() != nil || errors.As(err, &verdict) || errors.Is(err, weather.ErrGivenUp) {
			return
		}
		_ = s.abort(context.WithoutCancel(ctx), n)
	}()
	if err != nil && err != io.EOF {
		return err
	}
	parts, size, err := s.sendParts(ctx, first[:got], in, n, sums, info.Size())
	if err != nil {
		if Status(err) == http.StatusNotFound {
			err = fmt.Errorf("the upload was aborted by somebody else: %w", err)
		}
		return err
	}
	if size != info.Size() {
		return fmt.Errorf("%w: it has %d bytes instead of %d", ErrChanged, size, info.Size())
	}
	_, err = s.s3.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.s3.bucket, Key: &n.Key, UploadId: &n.ID,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if Status(err) == http.StatusNotFound {
		// An answer that was lost on the way: it is complete.
		if o, look := s.s3.head(ctx, info.Remote()); look == nil && o.Size == size && o.Tag == sums.tag() {
			err = nil
		}
	}
	if err == nil {
		n.erase()
	}
	return err
}

// beginUpload has rclone begin an upload with all that its options say.
func (s *Store) beginUpload(ctx context.Context, info fs.ObjectInfo, sums *sums, job *Send) (*noted, error) {
	key, place := s.s3.key(info.Remote()), s.s3.place()
	n := &noted{
		Place: place, Key: key, Begun: time.Now(), Part: sums.part, Head: sums.head,
		File: job.Expected, path: noteOf(job.Notes, place, key),
	}
	touched.Store(n.path, true)
	if err := n.write(); err != nil {
		return nil, err
	}
	failures := s.sky.Failures()
	opened, writer, err := s.base.Features().OpenChunkWriter(ctx, info.Remote(), info)
	if err != nil {
		return n, err
	}
	id, ok := hidden[*string](writer, "uploadID")
	if !ok || opened.ChunkSize != sums.part {
		_ = writer.Abort(context.WithoutCancel(ctx))
		n.erase()
		return nil, fmt.Errorf("rclone makes parts of %d bytes, and not of %d", opened.ChunkSize, sums.part)
	}
	n.ID = *id
	if err := n.write(); err != nil {
		_ = writer.Abort(context.WithoutCancel(ctx))
		return n, err
	}
	if s.sky.Failures() != failures {
		// It may have been begun twice, and only the second time has been heard of.
		now := time.Now()
		err = s.abortUnheard(ctx, n, n.Begun.Add(-time.Second), now)
	}
	return n, err
}

// sendParts sends the parts that the server does not have: first, which was read
// already, and what in still gives. It returns all of them, and how large they are.
func (s *Store) sendParts(ctx context.Context, first []byte, in io.Reader, n *noted, sums *sums, total int64) ([]types.CompletedPart, int64, error) {
	count := int((total + sums.part - 1) / sums.part)
	parts, hashes := make([]types.CompletedPart, count), make([]byte, count*md5.Size)
	width := max(s.s3.opt.UploadConcurrency, 1)
	buffers := make(chan []byte, width)
	buffers <- first[:cap(first)]
	for range width - 1 {
		buffers <- nil // made when it is first needed
	}
	group, ctx := errgroup.WithContext(ctx)
	size, read := int64(0), len(first)
	var err error
	for number := 0; err == nil; number++ {
		var buffer []byte
		select {
		case buffer = <-buffers:
		case <-ctx.Done():
			return nil, size, errors.Join(group.Wait(), ctx.Err())
		}
		if buffer == nil {
			buffer = make([]byte, sums.part)
		}
		if number > 0 {
			if read, err = fill(in, buffer); read == 0 {
				break
			}
		}
		if number >= count {
			err = fmt.Errorf("%w: it became longer", ErrChanged)
			break
		}
		size += int64(read)
		content := buffer[:read]
		group.Go(func() error {
			defer func() { buffers <- buffer }() // never full
			sum := md5.Sum(content)
			copy(hashes[number*md5.Size:], sum[:])
			part, err := s.sendPart(ctx, n, int32(number+1), content, sum)
			parts[number] = part
			return err
		})
	}
	if err == io.EOF {
		err = nil
	}
	if err := errors.Join(group.Wait(), err); err != nil {
		return nil, size, err
	}
	sums.parts, sums.count, sums.taken = hashes, count, 0
	return parts, size, nil
}

func (s *Store) sendPart(ctx context.Context, n *noted, number int32, content []byte, sum [md5.Size]byte) (types.CompletedPart, error) {
	done := types.CompletedPart{PartNumber: &number}
	if have, ok := n.have[number]; ok && aws.ToInt64(have.Size) == int64(len(content)) {
		if strings.EqualFold(strings.Trim(aws.ToString(have.ETag), `"`), hex.EncodeToString(sum[:])) {
			done.ETag = have.ETag
			return done, nil
		}
	}
	told, length := base64.StdEncoding.EncodeToString(sum[:]), int64(len(content))
	answer, err := s.s3.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &s.s3.bucket, Key: &n.Key, UploadId: &n.ID, PartNumber: &number,
		Body: bytes.NewReader(content), ContentLength: &length, ContentMD5: &told,
	})
	if err != nil {
		return done, err
	}
	if answer.ETag == nil {
		return done, errors.New("the server gave no tag for a part")
	}
	done.ETag = answer.ETag
	return done, nil
}
