package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/zeebo/blake3"
	"golang.org/x/sys/unix"
)

// expected is a file as a walk sees it.
func expected(t *testing.T, path string) Expected {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return expectation(&st)
}

func disk(t *testing.T) (*Store, string) {
	dir := t.TempDir()
	s, err := Open(context.Background(), ":local:"+dir, "")
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

// opened is a directory, open until the test ends.
func opened(t *testing.T, dir string) *os.File {
	t.Helper()
	file, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// procfs says 0 bytes of each file; sysfs says 4,096.
func TestAFileThatSaysAnotherSizeIsSentAsItIs(t *testing.T) {
	for _, path := range []string{"/proc/sys/kernel/ostype", "/proc/filesystems", "/sys/kernel/mm/transparent_hugepage/enabled"} {
		content, err := os.ReadFile(path)
		if err != nil || len(content) == 0 {
			skipped(t, lacksFileSystem, "%s: %v", path, err)
			continue
		}
		s, there := disk(t)
		root, name := filepath.Split(path)
		send := func() *Send {
			return &Send{Path: []byte(name), Remote: []byte("name"), Expected: expected(t, path)}
		}
		if send().Size == int64(len(content)) {
			t.Fatalf("%s is of no use here", path)
		}
		sent, err := s.Send(context.Background(), opened(t, root), send())
		if err != nil || sent.Real == nil || *sent.Real != int64(len(content)) || !sent.Proven {
			t.Fatalf("%s: %+v, %v", path, sent, err)
		}
		sum := blake3.Sum256(content)
		if sent.Content != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: another content", path)
		}
		stored, err := os.ReadFile(filepath.Join(there, "name"))
		if err != nil || !bytes.Equal(stored, content) {
			t.Errorf("%s: %q is there, %v", path, stored, err)
		}
		again := send()
		again.Aside = []byte("kept")
		_, err = s.Send(context.Background(), opened(t, root), again)
		kept, aside := os.ReadFile(filepath.Join(there, "kept"))
		if err != nil || aside != nil || !bytes.Equal(kept, content) {
			t.Errorf("%s: %q is kept, %v, %v", path, kept, err, aside)
		}
	}
}

func TestAFileThatIsAnotherOneEachTimeIsNotSent(t *testing.T) {
	path := "/proc/sys/kernel/random/uuid"
	if _, err := os.Stat(path); err != nil {
		skipped(t, lacksFileSystem, "%v", err)
		return
	}
	s, there := disk(t)
	root, name := filepath.Split(path)
	_, err := s.Send(context.Background(), opened(t, root), &Send{Path: []byte(name), Remote: []byte("name"), Expected: expected(t, path)})
	if !errors.Is(err, ErrChanged) {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(there); len(left) > 0 {
		t.Error("something was stored:", left)
	}
}

func TestWhatCameInMeanwhileIsNoSizeOfItsOwn(t *testing.T) {
	s, dir := disk(t)
	path := filepath.Join(dir, "file")
	for _, size := range []int{0, 10, Whole + 10} {
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		job := &Send{Path: []byte("file"), Remote: []byte("name"), Expected: expected(t, path)}
		job.Size = int64(size + 1)
		if _, err := s.Send(context.Background(), opened(t, dir), job); !errors.Is(err, ErrChanged) {
			t.Error("shorter:", err)
		}
	}
}

func TestAnErrorComesAgain(t *testing.T) {
	path := "/proc/sys/kernel/ostype"
	file, err := os.Open(path)
	if err != nil {
		skipped(t, lacksFileSystem, "%v", err)
		return
	}
	defer func() { _ = file.Close() }()
	want := expected(t, path)
	in, err := watch(file, &want, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 9 { // more often than it has bytes
		if n, err := in.Read(make([]byte, 8)); n != 0 || err != errSize {
			t.Fatal(n, err)
		}
	}
}
