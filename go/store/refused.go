package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path"
	"slices"
	"syscall"
	"time"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/object"
)

// refused is ErrName if a disk refuses a name that it was to write to. What it says
// then depends on its driver: EINVAL (vfat, exfat of the kernel), ENOENT (exfat-fuse),
// EILSEQ, ENAMETOOLONG, EPERM, EIO. So it is tried whether it takes another name there.
func (s *Store) refused(err error) error {
	var at *os.PathError
	if !errors.As(err, &at) || !slices.Contains([]string{"open", "mkdir", "lstat"}, at.Op) || isAboutTheDisk(at.Err) {
		return err
	}
	for _, why := range []error{syscall.EINVAL, syscall.EILSEQ, syscall.ENAMETOOLONG} {
		if errors.Is(at.Err, why) {
			return ErrName
		}
	}
	if _, there := os.Lstat(at.Path); there == nil || !s.base.Features().IsLocal {
		return err
	}
	probe, made := os.MkdirTemp(path.Dir(at.Path), ".poof-*.partial")
	if made != nil {
		return err
	}
	_ = os.Remove(probe)
	return ErrName
}

// takesAnyName tells whether an object that does not get its name gets another one in
// the same directory: then that name is what is wrong. It has its old name then.
func (s *Store) takesAnyName(ctx context.Context, made fs.Object, name string, why error) bool {
	if isAboutTheDisk(why) || ctx.Err() != nil {
		return false
	}
	if _, err := s.base.NewObject(ctx, name); err == nil || errors.Is(err, fs.ErrorIsDir) || errors.Is(err, fs.ErrorNotAFile) {
		return false // it is in use, and something else is the matter
	}
	move := s.base.Features().Move
	moved, err := move(ctx, made, partial(name, ".poof"))
	if err == nil {
		_ = moved.Remove(ctx)
		return true
	}
	// A driver may lose what it does not rename (fusefat).
	return !s.canMake(ctx, name) && s.canMake(ctx, partial(name, ".poof"))
}

// canMake tells whether an object of that name, of which there is none, can be made.
func (s *Store) canMake(ctx context.Context, name string) bool {
	info := object.NewStaticObjectInfo(name, time.Now(), 0, true, nil, s.base)
	made, err := s.base.Put(ctx, bytes.NewReader(nil), info)
	if err != nil {
		return false
	}
	_ = made.Remove(ctx)
	return true
}

// isAboutTheDisk tells whether an error has nothing to do with a name.
func isAboutTheDisk(err error) bool {
	for _, why := range []error{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.ENODEV, syscall.ENXIO, syscall.ENOTCONN,
		syscall.ESTALE, syscall.EMFILE, syscall.ENFILE, syscall.EEXIST, syscall.EISDIR, syscall.ENOTDIR,
		syscall.ENOTEMPTY, syscall.EFBIG, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, why) {
			return true
		}
	}
	return false
}
