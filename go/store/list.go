package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/hash"
	"github.com/rclone/rclone/fs/walk"
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
func (s *Store) List(ctx context.Context, dir string, found func(remote string, o Object) error) (strange int, err error) {
	below := s.dirKey(dir)
	prefix := dir
	if prefix != "" {
		prefix += "/"
	}
	each := func(key string, o Object) error {
		name, ours := s.remote(key)
		if !ours || !strings.HasPrefix(name, prefix) {
			strange++
			return nil
		}
		return found(name[len(prefix):], o)
	}
	if s.direct != nil {
		return strange, s.direct.list(ctx, below, each)
	}
	err = walk.ListR(ctx, s.base, below, true, -1, walk.ListObjects, func(entries fs.DirEntries) error {
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
	})
	return strange, err
}

// Look asks for one object; fs.ErrorObjectNotFound if there is none.
func (s *Store) Look(ctx context.Context, remote string) (Object, error) {
	if s.direct != nil {
		return s.direct.head(ctx, s.key(remote))
	}
	object, err := s.base.NewObject(ctx, s.key(remote))
	if err != nil {
		return Object{}, err
	}
	return s.show(ctx, object)
}

// Remove deletes an object; one that is not there is no error.
func (s *Store) Remove(ctx context.Context, remote string) error {
	if s.direct != nil {
		return s.direct.remove(ctx, s.key(remote))
	}
	object, err := s.base.NewObject(ctx, s.key(remote))
	if errors.Is(err, fs.ErrorObjectNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return object.Remove(ctx)
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
