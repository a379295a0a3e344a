package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rclone/rclone/fs"
)

// What is kept may be more than all else: a listing of the records asks for one page more at
// most. A server that does not know where to begin is asked page by page.
func TestADirectoryIsPassedOverInOneRequest(t *testing.T) {
	names := []string{"r/a", "r/b"}
	for i := range 5000 {
		names = append(names, fmt.Sprintf("r/kept/%04d", i))
	}
	names = append(names, "r/kepu", "r/z")
	const most = 1000
	for _, knows := range []bool{true, false} {
		asked := 0
		s := serving(t, names, func(w http.ResponseWriter, r *http.Request, names []string) {
			asked++
			query, from := r.URL.Query(), 0
			if token := query.Get("continuation-token"); token != "" {
				from, _ = strconv.Atoi(token)
			} else if after := query.Get("start-after"); after != "" && knows {
				from = slices.IndexFunc(names, func(name string) bool { return name > after })
			}
			to := min(from+most, len(names))
			text := page(names[from:to], "", escaped)
			if to < len(names) {
				more := fmt.Sprintf("<IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>", to)
				text = strings.Replace(text, "<IsTruncated>false</IsTruncated>", more, 1)
			}
			_, _ = w.Write([]byte(text))
		})
		var found []string
		_, passed, err := s.List(context.Background(), "r", "r/kept", nil, func(remote string, _ Object) error {
			found = append(found, remote)
			return nil
		})
		want := []string{"a", "b", "kepu", "z"}
		if err != nil || !passed || !slices.Equal(found, want) {
			t.Errorf("knows %v: %q, %v, %v", knows, found, passed, err)
		}
		if knows && asked != 2 {
			t.Errorf("%d requests", asked)
		}
	}
}

func TestADirectoryOfADiskIsPassedOver(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"r/a", "r/kept/x/1", "r/trees/b/c", "r/kept2/d"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(context.Background(), ":local:"+dir, "")
	if err != nil {
		t.Fatal(err)
	}
	for without, want := range map[string][]string{
		"r/kept": {"a", "kept2/d", "trees/b/c"},
		"r/none": {"a", "kept/x/1", "kept2/d", "trees/b/c"},
		"":       {"a", "kept/x/1", "kept2/d", "trees/b/c"},
	} {
		var found []string
		_, passed, err := s.List(context.Background(), "r", without, nil, func(remote string, _ Object) error {
			found = append(found, remote)
			return nil
		})
		slices.Sort(found)
		if err != nil || passed != (without == "r/kept") || !slices.Equal(found, want) {
			t.Errorf("%q: %q, %v, %v", without, found, passed, err)
		}
	}
	dirs, err := s.Directories(context.Background(), "r/kept")
	if err != nil || !slices.Equal(dirs, []string{"x"}) {
		t.Errorf("%q, %v", dirs, err)
	}
}

// A disk does not copy by itself: what is there goes aside once what comes has arrived, and
// comes back if that cannot take its place.
func TestWhatIsReplacedGoesAside(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s, err := Open(ctx, ":local:"+dir, "")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
	send := func(text string) error {
		_, err := s.Send(ctx, nil, &Send{Remote: []byte("t/a"), Aside: []byte("k/1"), Data: []byte(text)})
		return err
	}
	if err := send("first"); err != nil || read("t/a") != "first" {
		t.Fatal(err, read("t/a"))
	}
	if err := send("second"); err != nil || read("t/a") != "second" || read("k/1") != "first" {
		t.Error(err, read("t/a"), read("k/1"))
	}
	// The answer was lost, and poof sends the object again: the first version stays aside.
	if err := send("second again"); err != nil || read("k/1") != "first" {
		t.Error(err, read("k/1"))
	}
	if err := s.Move(ctx, &Copy{From: []byte("t/a"), Remote: []byte("k/2")}); err != nil || read("k/2") != "second again" {
		t.Error(err, read("k/2"))
	}
	if err := s.Copy(ctx, &Copy{From: []byte("k/2"), Remote: []byte("k/3")}); !errors.Is(err, ErrUnable) {
		t.Error(err)
	}
	if can := s.Abilities(); can.Copies || !can.Moves {
		t.Error(can)
	}
}

// A disk leaves a directory when the last object in it goes. What is called as it was comes
// in its place, unless the directory holds something.
func TestAnEmptyDirectoryIsNotInTheWay(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s, err := Open(ctx, ":local:"+dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "t/a/b/c"), 0o700); err != nil {
		t.Fatal(err)
	}
	held := filepath.Join(dir, "t/held/b/c")
	if err := errors.Join(os.MkdirAll(filepath.Dir(held), 0o700), os.WriteFile(held, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Send(ctx, nil, &Send{Remote: []byte("t/a"), Data: []byte("text")}); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "t/a")); err != nil || string(text) != "text" {
		t.Error(err, text)
	}
	if _, err := s.Send(ctx, nil, &Send{Remote: []byte("t/held"), Data: []byte("text")}); err == nil {
		t.Error("it is stored where there is something else")
	}
	if _, err := os.Stat(held); err != nil {
		t.Error(err)
	}
}

// A server may go wrong over a rename that it refuses, and take the old name for the new one
// from then on (rclone's): none is asked for onto a directory, and what is to be kept is
// replaced under a name that nobody has used.
func TestAServerHasNoRenameToRefuse(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s, err := Open(ctx, ":local:"+dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "t/a/b/c"), 0o700); err != nil {
		t.Fatal(err)
	}
	features := s.base.Features()
	move := features.Move
	var from []string
	refuse := false
	features.IsLocal = false
	features.Move = func(ctx context.Context, src fs.Object, remote string) (fs.Object, error) {
		if !strings.HasSuffix(src.Remote(), ".partial") {
			return move(ctx, src, remote)
		}
		from = append(from, src.Remote())
		if _, err := s.base.NewObject(ctx, remote); err != nil && !errors.Is(err, fs.ErrorObjectNotFound) {
			t.Error("it is asked for a rename onto a directory")
		}
		if refuse {
			return nil, errors.New("refused")
		}
		return move(ctx, src, remote)
	}
	send := func(text, aside string) error {
		_, err := s.Send(ctx, nil, &Send{Remote: []byte("t/a"), Aside: []byte(aside), Data: []byte(text)})
		return err
	}
	if err := send("first", ""); err != nil || len(from) != 1 {
		t.Fatal(err, from)
	}
	refuse = true
	if err := send("second", "k/1"); err == nil {
		t.Error("it is refused")
	}
	refuse = false
	if err := send("second", "k/1"); err != nil {
		t.Error(err)
	}
	held := filepath.Join(dir, "t/held/inside")
	if err := errors.Join(os.Mkdir(filepath.Dir(held), 0o700), os.WriteFile(held, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Send(ctx, nil, &Send{Remote: []byte("t/held"), Data: []byte("text")}); !errors.Is(err, fs.ErrorIsDir) {
		t.Error(err)
	}
	slices.Sort(from)
	if names := slices.Compact(from); len(names) < 3 {
		t.Error("a name is used again:", names)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "k/1")); err != nil || string(text) != "first" {
		t.Error(err, text)
	}
}

// Two objects of one content are kept as one: it stays there for the second if the first
// comes back to its place, or would.
func TestWhatTwoNeedStaysAside(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s, err := Open(ctx, ":local:"+dir, "")
	if err != nil {
		t.Fatal(err)
	}
	send := func(name, text string) error {
		_, err := s.Send(ctx, nil, &Send{Remote: []byte(name), Aside: []byte("k/1"), Data: []byte(text)})
		return err
	}
	for _, name := range []string{"t/a", "t/b"} {
		if _, err := s.Send(ctx, nil, &Send{Remote: []byte(name), Data: []byte("same")}); err != nil {
			t.Fatal(err)
		}
	}
	features := s.base.Features()
	move := features.Move
	features.Move = func(ctx context.Context, src fs.Object, remote string) (fs.Object, error) {
		if remote == "t/a" && strings.HasSuffix(src.Remote(), ".partial") {
			features.Move = move
			if err := send("t/b", "other"); err != nil {
				t.Error(err)
			}
			return nil, errors.New("refused")
		}
		return move(ctx, src, remote)
	}
	if err := send("t/a", "other"); err == nil {
		t.Error("it is refused")
	}
	if text, err := os.ReadFile(filepath.Join(dir, "k/1")); err != nil || string(text) != "same" {
		t.Error(err, text)
	}
}
