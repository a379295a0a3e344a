package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Who can rename a directory puts a link to any file where one is to be written, or gives
// that file another name there.
func TestAFileIsMadeNewWhateverHasItsName(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other")
	stage := filepath.Join(dir, "stage")
	for _, err := range []error{
		os.Mkdir(stage, 0o700),
		os.WriteFile(other, []byte("other's"), 0o600),
		os.Symlink(other, filepath.Join(stage, "1")),
		os.Link(other, filepath.Join(stage, "2")),
		os.WriteFile(filepath.Join(stage, "3"), []byte("of an attempt before"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"1", "2", "3", "4"} {
		file, err := create(opened(t, stage), name)
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := file.WriteString("new"); err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		if content, err := os.ReadFile(filepath.Join(stage, name)); err != nil || string(content) != "new" {
			t.Errorf("%s: %q, %v", name, content, err)
		}
	}
	if content, _ := os.ReadFile(other); string(content) != "other's" {
		t.Errorf("another file was written: %q", content)
	}
	for _, name := range []string{"../outside", "..", ".", "a/b", ""} {
		if _, err := create(opened(t, stage), name); err == nil {
			t.Errorf("%q was made", name)
		}
	}
}

func TestAFetchStopsBehindWhatAnObjectMayHave(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s, err := Open(ctx, ":local:"+dir, "")
	if err != nil {
		t.Fatal(err)
	}
	// Without end: a sparse file of a terabyte.
	file, err := os.Create(filepath.Join(dir, "long"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Truncate(1<<40), file.Close()); err != nil {
		t.Fatal(err)
	}
	limit := int64(1000)
	for _, job := range []Fetch{{Limit: &limit}, {Size: 1000}, {Size: 0}, {Size: Partly, Limit: &limit}} {
		stage := t.TempDir()
		to := filepath.Join(stage, "here")
		job.Remote, job.To = []byte("long"), []byte("here")
		if _, err := s.Fetch(ctx, opened(t, stage), &job); !errors.Is(err, ErrTooLong) {
			t.Error(job.Size, err)
		}
		if info, err := os.Stat(to); err != nil || info.Size() > 1<<20 {
			t.Error(info.Size(), err)
		}
	}
	if err := os.Truncate(filepath.Join(dir, "long"), limit); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(ctx, nil, &Fetch{Remote: []byte("long"), Limit: &limit}); err != nil {
		t.Error(err)
	}
}
