package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/zeebo/blake3"
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

// openBeneath opens the regular file path below the directory that is open at root,
// without following a link anywhere, and however long the path is.
func openBeneath(root *os.File, path string) (*os.File, error) {
	dir, err := unix.Openat(int(root.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
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

// watched reads exactly the size that is to be read, and fails if the file is another
// one before or after.
type watched struct {
	file *os.File
	want *Expected
	real *measured // of a file that does not say its size
	left int64
	hash *blake3.Hasher // of one whose size is not its own
	err  error          // that came, and comes again
}

func watch(file *os.File, want *Expected, real *measured) (*watched, error) {
	if err := want.holds(file); err != nil {
		return nil, err
	}
	if real == nil {
		return &watched{file: file, want: want, left: want.Size}, nil
	}
	return &watched{file: file, want: want, real: real, left: real.size, hash: blake3.New()}, nil
}

func (w *watched) Read(p []byte) (n int, err error) {
	if w.err != nil {
		return 0, w.err
	}
	defer func() { w.err = err }()
	if w.left == 0 {
		return 0, w.end()
	}
	if int64(len(p)) > w.left {
		p = p[:w.left]
	}
	n, err = read(w.file, p)
	w.left -= int64(n)
	if w.hash != nil {
		_, _ = w.hash.Write(p[:n]) // never fails
	}
	if err == io.EOF {
		err = w.other("it became shorter")
	}
	return n, err
}

// end is io.EOF if the file ends here, and is still what it was.
func (w *watched) end() error {
	n, err := read(w.file, make([]byte, 1))
	if n > 0 {
		return w.other("it became longer")
	}
	if err != io.EOF {
		return err
	}
	if err := w.want.holds(w.file); err != nil {
		return err
	}
	if w.hash != nil && !bytes.Equal(w.hash.Sum(nil), w.real.sum) {
		return fmt.Errorf("%w: it is another one each time", ErrChanged)
	}
	return io.EOF
}

// read reads as os.File does, but waits for nothing: some files of procfs have no end,
// and what comes next in them comes some day.
func read(file *os.File, p []byte) (int, error) {
	for {
		n, err := unix.Read(int(file.Fd()), p)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, &os.PathError{Op: "read", Path: file.Name(), Err: err}
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// other is why a file has not the size that was expected: it has changed, or its
// size never was that of its content.
func (w *watched) other(how string) error {
	if w.real == nil && w.want.holds(w.file) == nil {
		return errSize
	}
	return fmt.Errorf("%w: %s", ErrChanged, how)
}
