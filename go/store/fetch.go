package store

import (
	"context"
	"encoding/hex"
	"io"
	"os"

	"github.com/rclone/rclone/fs/accounting"
	"github.com/zeebo/blake3"
)

// Fetch is one object to read.
type Fetch struct {
	ID     int64  `json:"id"`
	Remote []byte `json:"remote"`
	To     []byte `json:"to"`     // a file to make; empty: only hash it
	Sparse bool   `json:"sparse"` // leave holes where the content is zero
	Size   int64  `json:"size"`   // as stored
}

// Fetched is what was read.
type Fetched struct {
	Content string `json:"content"` // BLAKE3 of the plain content, hexadecimal
	Size    int64  `json:"size"`    // of the plain content
}

// Fetch reads one object, decrypts and hashes it, and writes it to its file.
func (s *Store) Fetch(ctx context.Context, job *Fetch) (got Fetched, err error) {
	transfer := accounting.Stats(ctx).NewTransferRemoteSize(string(job.Remote), job.Size, s.base, nil)
	defer func() { transfer.Done(ctx, err) }()
	body, err := s.open(ctx, s.key(string(job.Remote)), job.Size)
	if err != nil {
		return got, err
	}
	account := transfer.Account(ctx, body)
	defer func() { _ = account.Close() }()
	in := io.Reader(account)
	if s.encrypts() {
		plain, err := s.cipher.DecryptData(account)
		if err != nil {
			return got, err
		}
		defer func() { _ = plain.Close() }()
		in = plain
	}
	content := blake3.New()
	out := io.Writer(content)
	if len(job.To) > 0 {
		file, err := os.OpenFile(string(job.To), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return got, err
		}
		target := &holes{file: file, on: job.Sparse}
		defer func() {
			if e := target.close(); err == nil {
				err = e
			}
		}()
		out = io.MultiWriter(content, target)
	}
	got.Size, err = io.CopyBuffer(out, in, make([]byte, 256<<10))
	got.Content = hex.EncodeToString(content.Sum(nil))
	return got, err
}

// holes writes a file and, if on, seeks over blocks of zeros instead.
type holes struct {
	file *os.File
	on   bool
	size int64
}

const block = 4096

func (h *holes) Write(p []byte) (int, error) {
	if !h.on {
		n, err := h.file.Write(p)
		h.size += int64(n)
		return n, err
	}
	for done := 0; done < len(p); {
		// Blocks of the file, not of the buffer.
		n := min(len(p)-done, int(block-h.size%block))
		part := p[done : done+n]
		if !zero(part) {
			if _, err := h.file.WriteAt(part, h.size); err != nil {
				return done, err
			}
		}
		h.size += int64(n)
		done += n
	}
	return len(p), nil
}

func (h *holes) close() error {
	err := error(nil)
	if h.on {
		err = h.file.Truncate(h.size)
	}
	if e := h.file.Close(); err == nil {
		err = e
	}
	return err
}

func zero(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}
