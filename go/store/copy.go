package store

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/lib/bucket"
	"github.com/rclone/rclone/lib/rest"

	"bridge/lease"
)

// ErrUnable says that the remote cannot do something with an object by itself.
var ErrUnable = errors.New("the remote cannot do that by itself")

// Copy is an object to copy on the server.
type Copy struct {
	ID     int64  `json:"id"`
	From   []byte `json:"from"`
	Remote []byte `json:"remote"`
	Size   int64  `json:"size"` // as stored
}

// Copy copies an object where the remote can do that by itself.
func (s *Store) Copy(ctx context.Context, job *Copy) error {
	if err := lease.Await(ctx); err != nil {
		return err
	}
	ctx = inClass(ctx, job.Size)
	from, to := s.key(string(job.From)), s.key(string(job.Remote))
	if err := s.fits(to); err != nil {
		return err
	}
	if d := s.s3; d != nil && d.copies(job.Size) {
		return d.copy(ctx, from, to)
	}
	return s.onServer(ctx, s.base.Features().Copy, from, to)
}

// Move gives an object another name where the remote can do that by itself.
func (s *Store) Move(ctx context.Context, job *Copy) error {
	if err := lease.Await(ctx); err != nil {
		return err
	}
	to := s.key(string(job.Remote))
	if err := s.fits(to); err != nil {
		return err
	}
	return s.onServer(ctx, s.base.Features().Move, s.key(string(job.From)), to)
}

// onServer has the remote do something with an object: one of rclone's optional features.
func (s *Store) onServer(ctx context.Context, do func(context.Context, fs.Object, string) (fs.Object, error), from, to string) error {
	if do == nil {
		return ErrUnable
	}
	err := s.sky.Try(ctx, func(ctx context.Context) error {
		object, err := s.base.NewObject(ctx, from)
		if err != nil {
			return err
		}
		_, err = do(ctx, object, to)
		return err
	})
	if errors.Is(err, fs.ErrorCantCopy) || errors.Is(err, fs.ErrorCantMove) {
		return ErrUnable
	}
	return err
}

// Abilities is what a remote can do with its objects by itself.
type Abilities struct {
	Copies bool `json:"copies"`
	Moves  bool `json:"moves"`
}

// Abilities asks rclone, and not the remote.
func (s *Store) Abilities() Abilities {
	features := s.base.Features()
	return Abilities{Copies: features.Copy != nil, Moves: features.Move != nil}
}

// copies tells whether one request copies an object, as rclone would ask for
// it: without the two HEADs that rclone puts around it.
func (d *s3Client) copies(size int64) bool {
	locked := d.opt.ObjectLockMode != "" || d.opt.ObjectLockRetainUntilDate != "" || d.opt.ObjectLockLegalHoldStatus != ""
	return d.plain() && !locked && size < int64(d.opt.CopyCutoff)
}

func (d *s3Client) copy(ctx context.Context, from, to string) error {
	key := d.key(to)
	// As in rclone's pathEscape: some servers take a plus for a space.
	source := strings.ReplaceAll(rest.URLPathEscape(bucket.Join(d.bucket, d.key(from))), "+", "%2B")
	request := &s3.CopyObjectInput{
		Bucket:       &d.bucket,
		Key:          &key,
		CopySource:   &source,
		ACL:          types.ObjectCannedACL(d.opt.ACL),
		StorageClass: types.StorageClass(d.opt.StorageClass),
	}
	if d.opt.ServerSideEncryption != "" {
		request.ServerSideEncryption = types.ServerSideEncryption(d.opt.ServerSideEncryption)
	}
	if d.opt.SSEKMSKeyID != "" {
		request.SSEKMSKeyId = &d.opt.SSEKMSKeyID
	}
	_, err := d.client.CopyObject(ctx, request)
	return missingObject(err)
}
