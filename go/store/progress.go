package store

import (
	"context"
	"io"
	"sync"

	"github.com/rclone/rclone/fs/accounting"

	"bridge/weather"
)

// unknown is how much of what was handed to a connection of rclone's may still be on its way:
// rclone says no more than that it was taken. Of S3 the weather knows better.
const unknown = 1 << 20

// progress tells rclone's statistics how much of a file the remote has.
type progress struct {
	transfer *accounting.Transfer
	account  *accounting.Account

	mu     sync.Mutex
	size   int64 // of the file
	stored int64 // of the object
	has    int64 // of the object
	told   int64 // of the file
}

// follow begins to tell of a file; poof's own records are none.
func (s *Store) follow(ctx context.Context, job *Send) *progress {
	size := job.length()
	stored := s.storedSize(size)
	switch {
	case len(job.Members) > 0:
		size = 0
		for _, member := range job.Members {
			size += member.plain
		}
	case job.Data != nil:
		return nil
	}
	transfer := accounting.Stats(ctx).NewTransferRemoteSize(string(job.Remote), size, nil, s.base)
	return &progress{
		transfer: transfer, account: transfer.Account(ctx, nil), size: size, stored: stored,
	}
}

// metered has the requests of S3 tell what they have brought across.
func (p *progress) metered(ctx context.Context, s *Store) context.Context {
	if p == nil || !s.isCounted() {
		return ctx
	}
	return weather.Metered(ctx, p.add)
}

// through tells what the base reads of in, where no requests do.
func (p *progress) through(in io.Reader, s *Store) io.Reader {
	if p == nil || s.isCounted() {
		return in
	}
	counted := &counting{Reader: in, add: p.add}
	if !s.disk {
		counted.behind = unknown
	}
	return counted
}

func (s *Store) isCounted() bool { return s.s3 != nil && s.sky.Counted }

func (p *progress) add(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.has += bytes
	share := 0.0
	if p.stored > 0 {
		share = float64(min(max(p.has, 0), p.stored)) / float64(p.stored)
	}
	p.tell(int64(share * float64(p.size)))
}

func (p *progress) tell(now int64) {
	p.account.AccountReadN(now - p.told)
	p.told = now
}

// end says that the remote has all of the file, or, after an error, nothing that counts.
func (p *progress) end(ctx context.Context, err error) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.tell(p.size)
	} else {
		p.tell(0)
	}
	p.transfer.Done(ctx, err)
}

// counting tells what was read, but for the last of it.
type counting struct {
	io.Reader
	add    func(int64)
	behind int64 // what is not told yet
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	more := int64(n)
	if c.behind > 0 {
		more = max(more-c.behind, 0)
		c.behind -= int64(n) - more
	}
	if more > 0 {
		c.add(more)
	}
	return n, err
}
