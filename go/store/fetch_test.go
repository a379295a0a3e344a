package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/rclone/rclone/fs/config/configmap"
	"github.com/rclone/rclone/fs/config/obscure"
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

func TestTheBeginningOfAnObjectIsReadWithoutTheRest(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	content := bytes.Repeat([]byte("beginning "), 20_000)
	keys, err := keysOf(configmap.Simple{
		"password": obscure.MustObscure("one"), "filename_encryption": "standard",
		"directory_name_encryption": "true", "filename_encoding": "base64",
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(ctx, ":local:"+dir, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, encrypted := range []bool{false, true} {
		stored := content
		if encrypted {
			s.cipher = keys.cipher
			sealed, err := keys.cipher.EncryptData(bytes.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			if stored, err = io.ReadAll(sealed); err != nil {
				t.Fatal(err)
			}
		}
		// Without end, and spoilt behind the beginning.
		file, err := os.Create(filepath.Join(dir, s.key("long")))
		if err != nil {
			t.Fatal(err)
		}
		_, err = file.Write(stored[:100_000])
		if err := errors.Join(err, file.Truncate(1<<40), file.Close()); err != nil {
			t.Fatal(err)
		}
		for _, first := range []int64{0, 1, 4096, 1 << 30} {
			job := Fetch{Remote: []byte("long"), Size: 1 << 40, First: &first}
			got, err := s.Fetch(ctx, nil, &job)
			want := content[:min(first, most)]
			if err != nil || !bytes.Equal(got.Data, want) || got.Size != int64(len(want)) {
				t.Errorf("%d, encrypted %v: %d bytes, %v", first, encrypted, len(got.Data), err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, s.key("short")), stored, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, s.key("short")), 70); err != nil {
			t.Fatal(err)
		}
		first := int64(4096)
		got, err := s.Fetch(ctx, nil, &Fetch{Remote: []byte("short"), Size: 70, First: &first})
		if encrypted != (err != nil) {
			t.Errorf("cut off, encrypted %v: %q, %v", encrypted, got.Data, err)
		}
	}
}
