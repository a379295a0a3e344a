package store

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/hash"
	"github.com/rclone/rclone/fs/walk"
	"golang.org/x/sync/errgroup"

	"bridge/lease"
	"bridge/weather"
)

// Object is what a listing shows of an object on the base.
type Object struct {
	Size int64     // in bytes, as stored
	Tag  string    // the server's hash: an MD5, an ETag, TYPE:HEX; empty if it gives none
	Time time.Time // of modification
}

// List calls found for every object below dir, with its name relative to dir.
// Names that do not decrypt are passed over and counted. A dir that does not
// exist is an error (fs.ErrorDirNotFound) where directories exist at all.
//
// The marks are names of objects there, as far as is known, evenly spread: with
// them the pages of S3, of which each is asked for with the end of the one
// before, are listed from several places at once. found is called by one at a
// time, in no order.
//
// What is in the directory without, if one is given, is not listed: however much that
// is, S3 is asked for one page more at most. passed tells whether there was anything.
func (s *Store) List(ctx context.Context, dir, without string, marks [][]byte, found func(remote string, o Object) error) (strange int, passed bool, err error) {
	below := s.dirKey(dir)
	prefix := dir
	if prefix != "" {
		prefix += "/"
	}
	if without != "" {
		without = s.dirKey(without)
	}
	var mu sync.Mutex
	ration := weather.NewRation()
	each := func(key string, o Object) error {
		mu.Lock()
		defer mu.Unlock()
		name, ours := s.remote(key)
		if !ours || !strings.HasPrefix(name, prefix) {
			strange++
			return ration.Pass()
		}
		if err := ration.Take(len(name) + len(o.Tag)); err != nil {
			return err
		}
		return found(name[len(prefix):], o)
	}
	if s.s3 != nil {
		group, ctx := errgroup.WithContext(ctx)
		ends := s.ends(prefix, marks)
		for i, last := range append(ends, "") {
			after := ""
			if i > 0 {
				after = ends[i-1]
			}
			group.Go(func() error {
				some, err := s.s3.list(ctx, below, without, after, last, each)
				mu.Lock()
				defer mu.Unlock()
				passed = passed || some
				return err
			})
		}
		err := group.Wait()
		return strange, passed, err
	}
	err = s.sky.Try(ctx, func(ctx context.Context) error {
		passed, err = s.walk(ctx, below, without, each)
		return err
	})
	return strange, passed, err
}

// Directories gives the names of the directories in dir, without those that do not decrypt.
// rclone's crypt remote shows the same, but would derive the keys once more.
func (s *Store) Directories(ctx context.Context, dir string) ([]string, error) {
	entries, err := s.base.List(ctx, s.dirKey(dir))
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, entry := range entries {
		if _, isDir := entry.(fs.Directory); !isDir {
			continue
		}
		name := entry.Remote()
		if s.cipher != nil {
			if name, err = s.cipher.DecryptDirName(name); err != nil {
				continue
			}
		}
		names = append(names, path.Base(name))
	}
	return names, nil
}

// walk lists by rclone's means, without one directory. What fails in the middle is not
// tried again here: the first part has been told.
func (s *Store) walk(ctx context.Context, below, without string, each func(key string, o Object) error) (passed bool, err error) {
	told := false
	tell := func(entries fs.DirEntries) error {
		told = true
		for _, entry := range entries {
			object, ok := entry.(fs.Object)
			if !ok {
				continue
			}
			o, err := s.show(ctx, object)
			if err != nil {
				return err
			}
			if err := each(object.Remote(), o); err != nil {
				return err
			}
		}
		return nil
	}
	dirs := []string{below}
	if without != "" {
		if dirs, passed, err = s.beside(ctx, below, without, tell); err != nil {
			return passed, err
		}
	}
	for _, dir := range dirs {
		if err = walk.ListR(ctx, s.base, dir, true, -1, walk.ListObjects, tell); err != nil {
			break
		}
	}
	if err != nil && told {
		err = fmt.Errorf("%w (%w)", err, weather.ErrGivenUp)
	}
	return passed, err
}

// beside tells the objects of a directory and gives the directories in it, but for one.
func (s *Store) beside(ctx context.Context, below, without string, tell func(fs.DirEntries) error) (dirs []string, passed bool, err error) {
	entries, err := s.base.List(ctx, below)
	if err != nil {
		return nil, false, err
	}
	for _, entry := range entries {
		if _, isDir := entry.(fs.Directory); !isDir {
			continue
		}
		if entry.Remote() == without {
			passed = true
			continue
		}
		dirs = append(dirs, entry.Remote())
	}
	return dirs, passed, tell(entries)
}

// abreastLists is from how many places a directory is listed at once, at most;
// each may cost one request more than its objects fill. marksEach is how many
// marks a part has at least: without them it would be too small to be worth that.
const (
	abreastLists = 6
	marksEach    = 5
)

// ends are the keys at which a listing is cut into parts of about one size.
func (s *Store) ends(prefix string, marks [][]byte) []string {
	parts := min(len(marks)/marksEach, abreastLists)
	if parts < 2 {
		return nil
	}
	keys := make([]string, len(marks))
	for i, mark := range marks {
		keys[i] = s.s3.key(s.key(prefix + string(mark)))
	}
	slices.Sort(keys)
	ends := make([]string, 0, parts-1)
	for i := 1; i < parts; i++ {
		ends = append(ends, keys[i*len(keys)/parts])
	}
	return ends
}

// Look asks for one object; fs.ErrorObjectNotFound if there is none.
func (s *Store) Look(ctx context.Context, remote string) (Object, error) {
	if s.s3 != nil {
		return s.s3.head(ctx, s.key(remote))
	}
	var o Object
	err := s.sky.Try(ctx, func(ctx context.Context) error {
		object, err := s.base.NewObject(ctx, s.key(remote))
		if err != nil {
			return err
		}
		o, err = s.show(ctx, object)
		return err
	})
	return o, err
}

// Remove deletes an object; one that is not there is no error.
func (s *Store) Remove(ctx context.Context, remote string) error {
	if err := lease.Await(ctx); err != nil {
		return err
	}
	if s.s3 != nil {
		return s.s3.remove(ctx, s.key(remote))
	}
	return s.sky.Try(ctx, func(ctx context.Context) error {
		object, err := s.base.NewObject(ctx, s.key(remote))
		if errors.Is(err, fs.ErrorObjectNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return object.Remove(ctx)
	})
}

func (s *Store) show(ctx context.Context, object fs.Object) (Object, error) {
	o := Object{Size: object.Size(), Time: object.ModTime(ctx)}
	if t := s.hashType(); t != hash.None {
		sum, err := object.Hash(ctx, t)
		if err != nil {
			return o, err
		}
		if sum != "" {
			o.Tag = tagged(t, sum)
		}
	}
	return o, nil
}
