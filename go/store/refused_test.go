package store

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
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
		if _, err := s.put(ctx, strings.NewReader("x"), name, "", info); !errors.Is(err, ErrName) {
			t.Errorf("%.10s: %v", name, err)
		}
	}
	left, err := os.ReadDir(dir + "/dir")
	if err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// disks are file systems that a test can make and mount here, by FUSE on a loop device:
// the names that each refuses, in its own words.
var disks = []struct {
	name  string
	make  []string
	mount []string
	bad   []string
	good  []string
}{
	{
		"exfat-fuse", []string{"mkfs.exfat"}, []string{"mount.exfat-fuse"},
		[]string{`a"b`, "a*b", "a:b", "a<b", "a>b", "a?b", `a\b`, "a|b", `d"d/file`, "deep/d:d/deeper/file", "c\x01"},
		[]string{"plain", "deep/plain", "a b", "ä"},
	},
	{
		"ntfs-3g", []string{"mkfs.ntfs", "-F", "-Q"}, []string{"ntfs-3g", "-o", "windows_names"},
		[]string{`a"b`, "a:b", "a?b", "trailing.", "d|d/file", "COM1"},
		[]string{"plain", "deep/plain", "ä"},
	},
}

// What an exFAT or NTFS disk says of a name depends on its driver.
func TestANameThatAnExternalDiskRefusesIsTold(t *testing.T) {
	ctx := context.Background()
	for _, disk := range disks {
		dir := mounted(t, disk.make, disk.mount)
		if dir == "" {
			continue
		}
		s, err := Open(ctx, ":local:"+dir, "")
		if err != nil {
			t.Fatal(err)
		}
		put := func(name string) error {
			info := func(name string) fs.ObjectInfo {
				return object.NewStaticObjectInfo(name, time.Now(), 1, true, nil, s.base)
			}
			_, err := s.put(ctx, strings.NewReader("x"), name, "", info)
			return err
		}
		for _, name := range disk.bad {
			if err := put(name); !errors.Is(err, ErrName) {
				t.Errorf("%s: %q: %v", disk.name, name, err)
			}
		}
		for _, name := range disk.good {
			if err := put(name); err != nil {
				t.Errorf("%s: %q: %v", disk.name, name, err)
			}
		}
		if err := os.MkdirAll(dir+"/directory/empty", 0o700); err != nil {
			t.Fatal(err)
		}
		if err := put("full/object"); err != nil {
			t.Fatal(err)
		}
		if err := put("full"); err == nil || errors.Is(err, ErrName) {
			t.Errorf("%s: a directory in the way: %v", disk.name, err)
		}
		// What an earlier run has left holds nothing.
		if err := put("directory"); err != nil {
			t.Errorf("%s: an empty directory in the way: %v", disk.name, err)
		}
		_ = filepath.WalkDir(dir, func(path string, _ os.DirEntry, _ error) error {
			if strings.Contains(path, "partial") {
				t.Error("left:", path)
			}
			return nil
		})
	}
}

// mounted is the directory of a new file system, or empty, which it says, where that
// is not for this user or machine.
func mounted(t *testing.T, create, mount []string) string {
	image, dir := filepath.Join(t.TempDir(), "image"), t.TempDir()
	file, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Truncate(64<<20), file.Close()); err != nil {
		t.Fatal(err)
	}
	run := func(line ...string) (string, bool) {
		out, err := exec.Command(line[0], line[1:]...).CombinedOutput()
		if err != nil {
			skipped(t, lacksMount, "%v: %v: %s", line, err, out)
		}
		return strings.TrimSpace(string(out)), err == nil
	}
	if _, ok := run(append(create, image)...); !ok {
		return ""
	}
	device, ok := run("losetup", "--find", "--show", image)
	if !ok {
		return ""
	}
	t.Cleanup(func() { run("losetup", "--detach", device) })
	if _, ok := run(append(mount, device, dir)...); !ok {
		return ""
	}
	t.Cleanup(func() { run("umount", dir) })
	return dir
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
