package store

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/object"
)

// What a disk refuses (here a long name; on vfat also ? or *) is the fault of
// the name, and leaves nothing behind.
func TestANameThatADiskRefusesIsTold(t *testing.T) {
	ctx, dir, long := context.Background(), t.TempDir(), strings.Repeat("n", 300)
	s, err := Open(ctx, ":local:"+dir, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{long, "dir/" + long, long + "/file"} {
		info := func(name string) fs.ObjectInfo {
			return object.NewStaticObjectInfo(name, time.Now(), 1, true, nil, s.base)
		}
		if _, err := s.put(ctx, strings.NewReader("x"), name, info); !errors.Is(err, ErrName) {
			t.Errorf("%.10s: %v", name, err)
		}
	}
	left, err := os.ReadDir(dir + "/dir")
	if err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

func TestANameIsAsLongAsItsRemoteCounts(t *testing.T) {
	name := strings.Repeat("\u4e00", 200)
	if err := (&Store{}).fits(name); err != ErrName {
		t.Error("in bytes:", err)
	}
	if err := (&Store{counts: true}).fits(name); err != nil {
		t.Error("in characters:", err)
	}
}
