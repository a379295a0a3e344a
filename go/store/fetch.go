package store

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/rclone/rclone/fs/accounting"
	"github.com/zeebo/blake3"
	"golang.org/x/sys/unix"

	"bridge/limit"
	"bridge/weather"
)

// Fetch is one object to read.
type Fetch struct {
	ID     int64  `json:"id"`
	Remote []byte `json:"remote"`
	To     []byte `json:"to"`     // the name of a file to make; empty: only hash it
	Sparse bool   `json:"sparse"` // leave holes where the content is zero
	Size   int64  `json:"size"`   // as stored
	Limit  *int64 `json:"limit"`  // of the content; none: what the size gives
	First  *int64 `json:"first"`  // how much of the content to give back, from its beginning; none: read it all
	Part   *Part  `json:"part"`   // the content is a part of the object, which is a bundle
}

// most is how much content is given back at most: a block of crypt, which opens whole or not
// at all (backend/crypt/cipher.go).
const most = 64 << 10

// ErrTooLong says that an object has more than what was stored.
var ErrTooLong = errors.New("it is longer than what was stored")

// limit is how much content an object may have.
func (s *Store) limit(job *Fetch) int64 {
	if job.Limit != nil {
		return *job.Limit
	}
	if s.encrypts() {
		if size, err := s.cipher.DecryptedSize(job.Size); err == nil {
			return size
		}
	}
	return job.Size
}

// Fetched is what was read.
type Fetched struct {
	Content string `json:"content"`        // BLAKE3 of the plain content, hexadecimal
	Size    int64  `json:"size"`           // of the plain content
	Data    []byte `json:"data,omitempty"` // the beginning of it, if that was wanted
}

// Fetch reads one object, decrypts and hashes it, and writes it to its file in dir.
func (s *Store) Fetch(ctx context.Context, dir *os.File, job *Fetch) (got Fetched, err error) {
	// What has arrived counts, until it has to come again.
	var counted atomic.Int64
	transfer := accounting.Stats(ctx).NewTransferRemoteSize(string(job.Remote), job.Size, s.base, nil)
	defer func() { transfer.Done(ctx, err) }()
	connections := 1
	if job.Size >= Partly && job.First == nil {
		connections = abreast
	}
	arrived, err := limit.Receive(ctx, job.Size, connections)
	if err != nil {
		return got, err
	}
	defer arrived()
	ctx = weather.Narrow(ctx)
	if job.First != nil {
		err = s.sky.Try(ctx, func(ctx context.Context) (err error) {
			got.Data, err = s.first(ctx, job, min(*job.First, most))
			return err
		})
		got.Size = int64(len(got.Data))
		return got, err
	}
	var file *os.File
	if len(job.To) > 0 {
		if file, err = create(dir, string(job.To)); err != nil {
			return got, here(err)
		}
		defer func() {
			if e := file.Close(); err == nil {
				err = here(e)
			}
		}()
	}
	out := target{file: file, sparse: job.Sparse}
	content, size := blake3.New(), int64(0)
	account := transfer.Account(ctx, nil)
	count := func(bytes int64) {
		account.AccountReadN(bytes)
		counted.Add(bytes)
	}
	again := func() error {
		count(-counted.Load())
		content.Reset()
		size = 0
		if file == nil {
			return nil
		}
		return file.Truncate(0)
	}
	see := func(p []byte) {
		_, _ = content.Write(p) // never fails
		size += int64(len(p))
	}
	if job.Size >= Partly {
		err = s.fetchInParts(ctx, job, count, out, see)
	} else {
		err = s.sky.Try(ctx, func(ctx context.Context) error {
			if size > 0 {
				if err := again(); err != nil {
					return err
				}
			}
			return s.fetchWhole(ctx, job, count, out, see)
		})
	}
	if err == nil && file != nil && job.Sparse {
		err = here(file.Truncate(size))
	}
	got.Content, got.Size = hex.EncodeToString(content.Sum(nil)), size
	return got, err
}

// create makes a file in dir that is new: what an attempt before has left is removed, and
// nothing that has its name, be it a link or another name of a file, is written to.
func create(dir *os.File, name string) (*os.File, error) {
	if dir == nil || name == "." || name == ".." || strings.Contains(name, "/") {
		return nil, &os.PathError{Op: "create", Path: name, Err: unix.EINVAL}
	}
	flags := unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	for removed := false; ; {
		fd, err := unix.Openat(int(dir.Fd()), name, flags, 0o600)
		switch {
		case err == unix.EINTR:
		case err == unix.EEXIST && !removed:
			if err := unix.Unlinkat(int(dir.Fd()), name, 0); err != nil && err != unix.ENOENT {
				return nil, &os.PathError{Op: "remove", Path: name, Err: err}
			}
			removed = true
		case err != nil:
			return nil, &os.PathError{Op: "create", Path: name, Err: err}
		default:
			return os.NewFile(uintptr(fd), name), nil
		}
	}
}

func (s *Store) fetchInParts(ctx context.Context, job *Fetch, count func(int64), out target, see func([]byte)) error {
	size := job.Size
	if s.encrypts() {
		var err error
		if size, err = s.cipher.DecryptedSize(job.Size); err != nil {
			return err
		}
	}
	if size > s.limit(job) {
		return ErrTooLong
	}
	open, err := s.plainRanges(ctx, s.key(string(job.Remote)))
	if err != nil {
		return err
	}
	seen := int64(0)
	if out.file != nil && !out.sparse {
		if out.direct = openDirect(out.file); out.direct != nil {
			defer func() { _ = out.direct.Close() }()
		}
	}
	put := func(p []byte, offset int64) error {
		count(int64(len(p)))
		return out.put(p, offset)
	}
	return s.sky.inParts(ctx, open, size, put, func(p []byte) error {
		stored, offset := make(chan error, 1), seen
		go func() { stored <- out.follow(p, offset) }()
		see(p)
		seen += int64(len(p))
		return <-stored
	})
}

func (s *Store) fetchWhole(ctx context.Context, job *Fetch, count func(int64), out target, see func([]byte)) error {
	body, err := s.open(ctx, s.key(string(job.Remote)))
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	limit := s.limit(job)
	size := job.Size
	if size == 0 {
		size = min(limit, piece/4) // of a record
	}
	// Whole blocks, and one byte more than there should be.
	buffer := make([]byte, min(piece, (size/block+1)*block))
	for offset := int64(0); ; {
		n, err := fill(body, buffer)
		count(int64(n))
		see(buffer[:n])
		if e := out.put(buffer[:n], offset); e != nil {
			return e
		}
		offset += int64(n)
		if offset > limit {
			return ErrTooLong
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// first reads the beginning of the content of an object, in one request. It is less than
// was wanted where the object has no more.
func (s *Store) first(ctx context.Context, job *Fetch, length int64) ([]byte, error) {
	if length <= 0 || job.Size <= 0 {
		return nil, nil
	}
	open, err := s.ranges(ctx, s.key(string(job.Remote)))
	if err != nil {
		return nil, err
	}
	stored := length
	if s.encrypts() {
		stored = s.cipher.EncryptedSize(most)
	}
	body, err := open(ctx, 0, min(stored, job.Size))
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	if s.encrypts() {
		plain, err := s.cipher.DecryptData(body)
		if err != nil {
			return nil, err
		}
		body = plain
	}
	data := make([]byte, length)
	n, err := fill(body, data)
	if err == io.EOF {
		err = nil
	}
	return data[:n], err
}

// fill reads until p is full. Unlike io.ReadFull it tells a proper end from one
// that came too early.
func fill(in io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = in.Read(p[n:min(len(p), n+min(piece, limit.DownPiece()))])
		n += more
	}
	return n, err
}
