package store

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/hash"
)

// mute is a remote that has hashes, but none of what it is sent here.
type mute struct {
	fs.Fs
	told string
}

type muteObject struct{ fs.Object }

func (muteObject) Hash(context.Context, hash.Type) (string, error) { return "", nil }

func (m *mute) Features() *fs.Features {
	features := *m.Fs.Features()
	features.SlowHash, features.PartialUploads = false, false
	return &features
}

func (m *mute) Put(ctx context.Context, in io.Reader, src fs.ObjectInfo, options ...fs.OpenOption) (fs.Object, error) {
	m.told, _ = src.Hash(ctx, hash.MD5)
	made, err := m.Fs.Put(ctx, in, src, options...)
	return muteObject{made}, err
}

func TestAnObjectWithoutAHashIsReadBackAndNoneIsPutIntoTheServersMouth(t *testing.T) {
	ctx := context.Background()
	disk, err := Open(ctx, ":local:"+t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	base := &mute{Fs: disk.base}
	s := &Store{base: base}
	if s.hashType() != hash.MD5 {
		t.Fatal("a remote without hashes shows nothing here")
	}
	sent, err := s.Send(ctx, nil, &Send{Remote: []byte("name"), Data: []byte("content")})
	if err != nil || sent.Tag != "" || !sent.Proven {
		t.Errorf("%v: tag %q, read back: %v", err, sent.Tag, sent.Proven)
	}
	if base.told != "" {
		t.Errorf("the server was told %s", base.told)
	}
}

// crypt has two blocks of 64 KiB for each content, and gives them back at its end alone.
func TestManySmallFilesTakeTheSameMemoryAgain(t *testing.T) {
	const files = 64
	s := bundleStores(t)["encrypted"]
	send := func(number int) {
		job := &Send{Remote: fmt.Appendf(nil, "file %d", number), Data: noise(1024)}
		if _, err := s.Send(context.Background(), nil, job); err != nil {
			t.Fatal(err)
		}
	}
	send(0)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for number := range files {
		send(number + 1)
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / files; each >= 128<<10 {
		t.Errorf("%d bytes for each", each)
	}
}
