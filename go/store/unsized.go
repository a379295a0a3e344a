package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/zeebo/blake3"
)

// errSize says that a file has another size than it says, and that it has not
// changed: in procfs every file has 0 bytes, in sysfs 4,096, and a FUSE file system
// may not know how many they are before they are read.
var errSize = errors.New("its size is not the size of its content")

// measured is what a file of another size than it says turned out to hold.
type measured struct {
	size int64
	sum  []byte // BLAKE3
}

// endless is where the reading of such a file is given up: some never end.
const endless = 64 << 30

// measuring holds one such file at a time: what it takes to send it was reckoned by
// the size that it says.
var measuring = make(chan struct{}, 1)

// sendUnsized sends a file that has another size than it says. It is read twice, and
// what was read must be the same.
func (s *Store) sendUnsized(ctx context.Context, root *os.File, job *Send) (sent Sent, err error) {
	select {
	case measuring <- struct{}{}:
		defer func() { <-measuring }()
	case <-ctx.Done():
		return sent, ctx.Err()
	}
	real, err := job.measure(ctx, root)
	if err != nil {
		return sent, err
	}
	sent, err = s.send(ctx, root, &Send{
		ID: job.ID, Path: job.Path, Remote: job.Remote, Have: job.Have, Aside: job.Aside, Expected: job.Expected, real: real,
	})
	sent.Real = &real.size
	return sent, err
}

// measure reads a file to its end.
func (job *Send) measure(ctx context.Context, root *os.File) (*measured, error) {
	file, err := openBeneath(root, string(job.Path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if err := job.holds(file); err != nil {
		return nil, err
	}
	sum, size, buffer := blake3.New(), int64(0), make([]byte, piece)
	for {
		n, err := read(file, buffer)
		_, _ = sum.Write(buffer[:n]) // never fails
		size += int64(n)
		switch {
		case err == io.EOF:
			return &measured{size: size, sum: sum.Sum(nil)}, job.holds(file)
		case err != nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case size > endless:
			return nil, fmt.Errorf("%w: it has no end", ErrChanged)
		}
	}
}
