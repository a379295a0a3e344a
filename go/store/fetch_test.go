package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

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
	for _, job := range []Fetch{{Limit: &limit}, {Size: 1000}, {Size: 0}} {
		to := filepath.Join(t.TempDir(), "here")
		job.Remote, job.To = []byte("long"), []byte(to)
		if _, err := s.Fetch(ctx, &job); !errors.Is(err, ErrTooLong) {
			t.Error(job.Size, err)
		}
		if info, err := os.Stat(to); err != nil || info.Size() > 1<<20 {
			t.Error(info.Size(), err)
		}
	}
	if err := os.Truncate(filepath.Join(dir, "long"), limit); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(ctx, &Fetch{Remote: []byte("long"), Limit: &limit}); err != nil {
		t.Error(err)
	}
}
