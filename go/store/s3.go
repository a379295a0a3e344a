package store

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"
	"unsafe"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	backend "github.com/rclone/rclone/backend/s3"
	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/lib/bucket"
)

// s3Client reaches the S3 client inside of rclone's Fs, because no API of rclone
// gives the ETag of a multipart object, and a HEAD goes before each DELETE.
// TestTheClientInsideIsReached pins the fields.
type s3Client struct {
	client *s3.Client
	opt    *backend.Options
	bucket string
	prefix string // of the root in the bucket; empty or ends with /
}

// reach returns nil if f is not S3 or does not look as expected.
func reach(f fs.Fs) *s3Client {
	inner, ok := f.(*backend.Fs)
	if !ok {
		return nil
	}
	client, ok := hidden[*s3.Client](inner, "c")
	if !ok {
		return nil
	}
	opt, ok := hidden[backend.Options](inner, "opt")
	if !ok || opt.VersionAt.IsSet() || opt.Versions {
		return nil
	}
	name, dir := bucket.Split(inner.Root())
	if name == "" {
		return nil
	}
	if dir = strings.Trim(dir, "/"); dir != "" {
		dir += "/"
	}
	return &s3Client{client: client, opt: &opt, bucket: opt.Enc.FromStandardName(name), prefix: dir}
}

// hidden reads an unexported field of the struct behind p.
func hidden[T any](p any, name string) (value T, ok bool) {
	field := reflect.ValueOf(p).Elem().FieldByName(name)
	if !field.IsValid() || field.Type() != reflect.TypeFor[T]() {
		return value, false
	}
	return *(*T)(unsafe.Pointer(field.UnsafeAddr())), true
}

// setHidden writes an unexported field of the struct behind p.
func setHidden[T any](p any, name string, value T) bool {
	field := reflect.ValueOf(p).Elem().FieldByName(name)
	if !field.IsValid() || field.Type() != reflect.TypeFor[T]() {
		return false
	}
	*(*T)(unsafe.Pointer(field.UnsafeAddr())) = value
	return true
}

func (d *s3Client) key(name string) string {
	return d.opt.Enc.FromStandardPath(d.prefix + name)
}

// list calls found for every object below dir whose key is after the key after
// and not after the key last; either may be empty. The name is relative to the root.
// What is in the directory without is passed over.
func (d *s3Client) list(ctx context.Context, dir, without, after, last string, found func(name string, o Object) error) (passed bool, err error) {
	if without != "" {
		without = d.key(without) + "/"
	}
	prefix := d.prefix
	if dir != "" {
		prefix += dir + "/"
	}
	// Whatever the provider is said to be: XML 1.0 carries no control characters, and
	// one in one name would break the whole. Not every server heeds it, and not every
	// one that does not heed it refuses: the reply says what the names are.
	request := s3.ListObjectsV2Input{Bucket: &d.bucket, EncodingType: types.EncodingTypeUrl}
	key := d.opt.Enc.FromStandardPath(prefix)
	request.Prefix = &key
	if after != "" {
		request.StartAfter = &after
	}
	if d.opt.ListChunk > 0 {
		request.MaxKeys = &d.opt.ListChunk
	}
	if d.opt.RequesterPays {
		request.RequestPayer = types.RequestPayerRequester
	}
	for {
		page, err := d.client.ListObjectsV2(ctx, &request, legible)
		if err != nil && request.EncodingType != "" && knowsNoEncoding(err) {
			request.EncodingType = ""
			page, err = d.client.ListObjectsV2(ctx, &request, legible)
		}
		if err != nil {
			return passed, missingBucket(err)
		}
		inside := false
		for _, o := range page.Contents {
			name := listedKey(aws.ToString(o.Key), page.EncodingType)
			if name <= after && after != "" {
				continue // the server does not know StartAfter
			}
			if name > last && last != "" {
				return passed, nil
			}
			if inside = without != "" && strings.HasPrefix(name, without); inside {
				passed = true
				continue
			}
			name = d.opt.Enc.ToStandardPath(name)
			if !strings.HasPrefix(name, d.prefix) || strings.HasSuffix(name, "/") {
				continue // a marker of a directory
			}
			if err := found(name[len(d.prefix):], objectOf(o.Size, o.ETag, o.LastModified)); err != nil {
				return passed, err
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return passed, nil
		}
		request.ContinuationToken = page.NextContinuationToken
		if end := endOf(without); inside && after < end {
			// A server that begins anew would not do so twice: from now on all
			// before the end is passed over.
			request.ContinuationToken, request.StartAfter = nil, &end
			after = end
		}
	}
}

// endOf is a key after all that begin with prefix, which ends with a slash, and before all
// others that come after them.
func endOf(prefix string) string {
	return strings.TrimSuffix(prefix, "/") + "0"
}

// listedKey is the key that a listing shows as shown.
func listedKey(shown string, encoding types.EncodingType) string {
	if encoding != types.EncodingTypeUrl {
		return shown
	}
	key, err := url.QueryUnescape(shown)
	if err != nil {
		return shown // a server that says it and does not do it
	}
	return key
}

// knowsNoEncoding tells whether a server refuses to list because it was asked to encode.
func knowsNoEncoding(err error) bool {
	status := Status(err)
	return status == http.StatusBadRequest || status == http.StatusNotImplemented
}

// head asks for one object.
func (d *s3Client) head(ctx context.Context, name string) (Object, error) {
	key := d.key(name)
	reply, err := d.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &d.bucket, Key: &key})
	if err != nil {
		return Object{}, missingObject(err)
	}
	return objectOf(reply.ContentLength, reply.ETag, reply.LastModified), nil
}

// remove deletes one object; one that is not there is no error.
func (d *s3Client) remove(ctx context.Context, name string) error {
	key := d.key(name)
	_, err := d.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &d.bucket, Key: &key})
	return err
}

// missingObject is err, or what rclone calls it if an object is not there.
func missingObject(err error) error {
	if Status(err) == http.StatusNotFound {
		return fs.ErrorObjectNotFound
	}
	return err
}

func missingBucket(err error) error {
	if Status(err) == http.StatusNotFound {
		return fs.ErrorDirNotFound
	}
	return err
}

// Status is the HTTP status of the reply that err tells of, or 0.
func Status(err error) int {
	var response interface{ HTTPStatusCode() int }
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

func objectOf(size *int64, etag *string, modified *time.Time) Object {
	tag := strings.ToLower(strings.Trim(aws.ToString(etag), `"`))
	return Object{Size: aws.ToInt64(size), Tag: tag, Time: aws.ToTime(modified)}
}
