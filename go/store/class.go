package store

import (
	"context"
	"sync/atomic"

	"github.com/rclone/rclone/fs"
)

// Small is the size, as stored, up to which an object is a small one: S3 bills a smaller one
// as if it had so many bytes in STANDARD_IA, ONEZONE_IA, and GLACIER_IR
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html).
const Small = 128 << 10

var smallClass atomic.Pointer[string]

// SetSmallClass sets the storage class of small objects on S3, whatever the configuration says
// of all others; empty: they have that of all others.
func SetSmallClass(class string) { smallClass.Store(&class) }

type classKey struct{}

// inClass returns a context in which S3 stores or copies an object of so many bytes, as
// stored, in the class of small ones, if it is one. rclone has one class for all objects of a
// remote: what a source says of its own class gives way to it (backend/s3, prepareUpload).
func inClass(ctx context.Context, size int64) context.Context {
	class := smallClass.Load()
	if class == nil || *class == "" || size >= Small {
		return ctx
	}
	return context.WithValue(ctx, classKey{}, *class)
}

// InClass is inClass for a put of rclone's own.
func InClass(ctx context.Context, f fs.Fs, size int64) context.Context {
	prepareOnce(innermost(f))
	return inClass(ctx, size)
}
