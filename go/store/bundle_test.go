package store

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/rclone/rclone/fs/config/configmap"
	"github.com/rclone/rclone/fs/config/obscure"
	"golang.org/x/sys/unix"
)

// bundleStores are a directory in clear and one that is encrypted.
func bundleStores(t *testing.T) map[string]*Store {
	t.Helper()
	stores := map[string]*Store{}
	for _, kind := range []string{"plain", "encrypted"} {
		s, err := Open(context.Background(), ":local:"+t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		stores[kind] = s
	}
	keys, err := keysOf(configmap.Simple{
		"password": obscure.MustObscure("one"), "filename_encryption": "standard",
		"directory_name_encryption": "true", "filename_encoding": "base64",
	})
	if err != nil {
		t.Fatal(err)
	}
	stores["encrypted"].cipher = keys.cipher
	return stores
}

// member is the job of a file below root.
func member(t *testing.T, root, name string) *Send {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(filepath.Join(root, name), &st); err != nil {
		t.Fatal(err)
	}
	return &Send{Path: []byte(name), Mode: uint32(st.Mode), Expected: expectation(&st)}
}

func noise(size int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	bytes := make([]byte, size)
	for i := range bytes {
		bytes[i] = byte(random.Uint32())
	}
	return bytes
}

// content reads all of an object, in clear.
func content(t *testing.T, s *Store, remote string) []byte {
	t.Helper()
	body, err := s.open(context.Background(), s.key(remote))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	all, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestABundleIsAnArchiveOfWhatWasSent(t *testing.T) {
	root := t.TempDir()
	files := map[string][]byte{
		"empty": nil, "dir/text": bytes.Repeat([]byte("text "), 20_000), "noise": noise(200_000),
		"odd \xff\n": []byte("odd"), "ü": []byte("umlaut"),
	}
	if err := os.Mkdir(filepath.Join(root, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{"dir/text", "empty", "noise", "odd \xff\n", "ü"}
	for kind, s := range bundleStores(t) {
		job := &Send{Remote: []byte("b/1.zip")}
		for i, name := range names {
			job.Members = append(job.Members, member(t, root, name))
			job.Members[i].ID = int64(i)
		}
		link := &Send{ID: 5, Path: []byte("link"), Data: []byte("dir/text"), Mode: unix.S_IFLNK | 0o777}
		gone := member(t, root, "empty")
		gone.ID, gone.Path = 6, []byte("gone")
		job.Members = append(job.Members, link, gone)
		sent, members, err := s.Bundle(context.Background(), opened(t, root), job)
		if err != nil || !sent.Proven || len(members) != 7 {
			t.Fatal(kind, sent, members, err)
		}
		if !errors.Is(members[6].Err(), os.ErrNotExist) {
			t.Error(kind, members[6].Err())
		}
		if deflated := members[0].Deflated && !members[2].Deflated && !members[1].Deflated; !deflated {
			t.Error(kind, members)
		}
		archive := content(t, s, "b/1.zip")
		reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
		if err != nil {
			t.Fatal(kind, err)
		}
		if len(reader.File) != 6 || reader.File[5].Mode() != os.ModeSymlink|0o777 {
			t.Error(kind, reader.File)
		}
		for i, file := range reader.File[:5] {
			in, err := file.Open()
			if err != nil {
				t.Fatal(kind, err)
			}
			all, err := io.ReadAll(in) // compares the CRC
			if err != nil || !bytes.Equal(all, files[names[i]]) || file.Name != names[i] {
				t.Errorf("%s: %q: %d bytes, %v", kind, file.Name, len(all), err)
			}
			if file.Mode() != 0o640 || file.Modified.Unix() != job.Members[i].Mtime[0] {
				t.Error(kind, file.Name, file.Mode(), file.Modified)
			}
			if offset, err := file.DataOffset(); err != nil || offset != members[i].Offset {
				t.Error(kind, file.Name, offset, members[i].Offset, err)
			}
		}
		fetched := fetchAll(t, s, job, members[:5], root)
		for i, name := range names {
			if got := fetched[int64(i)]; got.err != nil || got.Content != members[i].Content {
				t.Errorf("%s: %q: %v, %v", kind, name, got.Fetched, got.err)
			}
			back, err := os.ReadFile(filepath.Join(root, fmt.Sprint("back", i)))
			if err != nil || !bytes.Equal(back, files[name]) {
				t.Errorf("%s: %q: %d bytes, %v", kind, name, len(back), err)
			}
		}
	}
}

type result struct {
	Fetched
	err error
}

// fetchAll reads members back to files of dir, those that join in one request.
func fetchAll(t *testing.T, s *Store, job *Send, members []Packed, dir string) map[int64]result {
	t.Helper()
	results := map[int64]result{}
	var together []*Fetch
	flush := func() {
		if together == nil {
			return
		}
		err := s.FetchMembers(context.Background(), opened(t, dir), together, func(job *Fetch, got Fetched, err error) error {
			results[job.ID] = result{got, err}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		together = nil
	}
	for i, m := range members {
		size := job.Members[i].Size
		fetch := &Fetch{
			ID: m.ID, Remote: job.Remote, To: fmt.Append(nil, "back", m.ID), Limit: &size,
			Part: &Part{m.Offset, m.Size, m.Deflated},
		}
		if together != nil && !Joins(together, fetch) {
			flush()
		}
		together = append(together, fetch)
	}
	flush()
	return results
}

func TestWhatIsDamagedInABundleIsAloneInThat(t *testing.T) {
	for kind, s := range bundleStores(t) {
		root := t.TempDir()
		job := &Send{Remote: []byte("1.zip")}
		for i := range 6 {
			name := fmt.Sprint("file", i)
			content := bytes.Repeat(fmt.Append(nil, "content ", i), 30_000)
			if i == 3 {
				content = noise(300_000)
			}
			if err := os.WriteFile(filepath.Join(root, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
			job.Members = append(job.Members, member(t, root, name))
			job.Members[i].ID = int64(i)
		}
		_, members, err := s.Bundle(context.Background(), opened(t, root), job)
		if err != nil {
			t.Fatal(kind, err)
		}
		failed := func(members []Packed) (failed []int64) {
			for i, got := range fetchAll(t, s, job, members, root) {
				if got.err != nil || got.Content != members[i].Content {
					failed = append(failed, i)
				}
			}
			return failed
		}
		if failed := failed(members); failed != nil {
			t.Error(kind, failed)
		}
		// More than the snapshot says, and less.
		bomb := append([]Packed(nil), members...)
		job.Members[1].Size = 1000
		bomb[2].Size /= 2
		if failed := failed(bomb); len(failed) != 2 {
			t.Error(kind, failed)
		}
		job.Members[1].Size = job.Members[0].Size
		if info, err := os.Stat(filepath.Join(root, "back1")); err != nil || info.Size() > 20_000 {
			t.Error(kind, info.Size(), err)
		}
		path := filepath.Join(s.base.Root(), s.key("1.zip"))
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		spoilt := bytes.Clone(whole)
		spoilt[members[3].Offset+members[3].Size/2] ^= 1
		if err := os.WriteFile(path, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		if failed := failed(members); len(failed) != 1 || failed[0] != 3 {
			t.Error(kind, failed)
		}
		if err := os.WriteFile(path, whole[:members[4].Offset+10], 0o600); err != nil {
			t.Fatal(err)
		}
		if failed := failed(members); len(failed) < 2 || len(failed) > 3 {
			t.Error(kind, failed)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if failed := failed(members); len(failed) != 6 {
			t.Error(kind, failed)
		}
	}
}

func TestALargerFileIsInABundleOnlyIfItShrinks(t *testing.T) {
	root := t.TempDir()
	s := bundleStores(t)["plain"]
	for name, content := range map[string][]byte{
		"text": bytes.Repeat([]byte("text "), 200_000), "noise": noise(1 << 20),
	} {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"text", "noise"} {
		job := &Send{Remote: []byte(name), Members: []*Send{member(t, root, name)}}
		job.Members[0].IfSmaller = true
		_, members, err := s.Bundle(context.Background(), opened(t, root), job)
		if err != nil || members[0].Declined != (name == "noise") {
			t.Error(name, members, err)
		}
		_, err = os.Stat(filepath.Join(s.base.Root(), name))
		if made := err == nil; made != (name == "text") {
			t.Error(name, "made:", made)
		}
	}
}
