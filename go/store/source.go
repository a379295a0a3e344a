package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrChanged says that a file is not, or no longer, what the caller saw.
var ErrChanged = errors.New("it changed while it was read")

// Expected is a file as the caller saw it. Times in seconds and nanoseconds.
type Expected struct {
	Dev   uint64   `json:"dev"`
	Ino   uint64   `json:"ino"`
	Size  int64    `json:"size"`
	Mtime [2]int64 `json:"mtime"`
	Ctime [2]int64 `json:"ctime"`
}

// openBeneath opens the regular file path below root, without following a
// link anywhere below root, and however long the path is.
func openBeneath(root, path string) (*os.File, error) {
	dir, err := unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	names := strings.Split(path, "/")
	for i, name := range names {
		flags := unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK
		if i < len(names)-1 {
			flags |= unix.O_DIRECTORY
		}
		next, err := unix.Openat(dir, name, flags, 0)
		_ = unix.Close(dir)
		if err != nil {
			return nil, err
		}
		dir = next
	}
	return os.NewFile(uintptr(dir), path), nil
}

// holds tells whether file still is what was expected.
func (e *Expected) holds(file *os.File) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return err
	}
	if *e != expectation(&st) {
		return ErrChanged
	}
	return nil
}

// watched reads exactly the expected size and fails with ErrChanged if the
// file is another one before or after.
type watched struct {
	file *os.File
	want *Expected
	left int64
}

func watch(file *os.File, want *Expected) (*watched, error) {
	if err := want.holds(file); err != nil {
		return nil, err
	}
	return &watched{file: file, want: want, left: want.Size}, nil
}

func (w *watched) Read(p []byte) (int, error) {
	if w.left == 0 {
		if err := w.want.holds(w.file); err != nil {
			return 0, err
		}
		return 0, io.EOF
	}
	if int64(len(p)) > w.left {
		p = p[:w.left]
	}
	n, err := w.file.Read(p)
	w.left -= int64(n)
	if err == io.EOF {
		return n, fmt.Errorf("%w: it became shorter", ErrChanged)
	}
	return n, err
}
