package store

import (
	"context"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Versions is what a bucket still holds of objects that were replaced or deleted.
type Versions struct {
	Kept   bool  `json:"kept"`   // the bucket keeps versions, or has kept some
	Locked bool  `json:"locked"` // some of them cannot be removed before their time
	Count  int64 `json:"count"`
	Bytes  int64 `json:"bytes"`
	More   bool  `json:"more"` // than were counted
}

// A listing of versions has a thousand a page; nobody waits for the exact number
// of millions.
const versionPages = 100

// Versions counts the versions below dir that no listing of objects shows. A server
// that does not know the calls, and a remote that is not S3, keeps none as far as
// this tells.
func (s *Store) Versions(ctx context.Context, dir string) (found Versions, err error) {
	d := s.s3
	if d == nil {
		return found, nil
	}
	status, err := d.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &d.bucket})
	if err != nil || status.Status == "" {
		return found, ctx.Err()
	}
	found.Kept = true
	lock, err := d.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &d.bucket})
	if err == nil && lock.ObjectLockConfiguration != nil {
		found.Locked = lock.ObjectLockConfiguration.ObjectLockEnabled == types.ObjectLockEnabledEnabled
	}
	prefix := d.key(dir) + "/"
	request := s3.ListObjectVersionsInput{Bucket: &d.bucket, Prefix: &prefix, EncodingType: types.EncodingTypeUrl}
	for range versionPages {
		page, err := d.client.ListObjectVersions(ctx, &request)
		if err != nil {
			found.More = true
			return found, ctx.Err()
		}
		for _, version := range page.Versions {
			if !aws.ToBool(version.IsLatest) {
				found.Count++
				found.Bytes += aws.ToInt64(version.Size)
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return found, nil
		}
		next, err := url.QueryUnescape(aws.ToString(page.NextKeyMarker))
		if err != nil {
			break
		}
		request.KeyMarker, request.VersionIdMarker = &next, page.NextVersionIdMarker
	}
	found.More = true
	return found, nil
}
