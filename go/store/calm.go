package store

import (
	"cmp"
	"context"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	backend "github.com/rclone/rclone/backend/s3"
	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/lib/pacer"

	"bridge/limit"
	"bridge/weather"
)

// Sky is the weather of a remote, as one of its users sees it.
type Sky struct {
	*weather.Weather
	Counted bool // each single request is tried again by itself
}

// Try does something until it works or the weather will not let it.
func (s Sky) Try(ctx context.Context, do func(ctx context.Context) error) error {
	return s.Weather.Retry(ctx, !s.Counted, do)
}

var calmed struct {
	sync.Mutex
	skies map[*backend.Fs]Sky
}

// innermost is what a remote keeps its objects on.
func innermost(f fs.Fs) fs.Fs {
	for f.Features().UnWrap != nil {
		f = f.Features().UnWrap()
	}
	return f
}

func isDisk(f fs.Fs) bool { return innermost(f).Features().IsLocal }

// LimitMirror has rclone obey the limit while it copies from one disk to another; done ends that.
func LimitMirror(from fs.Fs) (done func()) {
	if !isDisk(from) {
		return func() {}
	}
	limit.OfDisk(limit.Down())
	return func() { limit.OfDisk(nil) }
}

// Calm has the requests of f tried again, each by itself where that is possible: of S3
// it is. rclone's own pace would then slow down all requests for each that failed.
func Calm(f fs.Fs) Sky {
	f = innermost(f)
	if f.Features().IsLocal {
		return Sky{}
	}
	inner, ok := f.(*backend.Fs)
	if !ok {
		name, _, _ := strings.Cut(f.Name(), "{")
		return Sky{Weather: weather.Of(name)}
	}
	calmed.Lock()
	defer calmed.Unlock()
	if sky, ok := calmed.skies[inner]; ok {
		return sky
	}
	name, _, _ := strings.Cut(f.Name(), "{")
	if opt, ok := hidden[backend.Options](inner, "opt"); ok {
		name = cmp.Or(opt.Endpoint, "aws") + " " + opt.Region + " " + opt.AccessKeyID
	}
	sky := Sky{Weather: weather.Of(name)}
	if client, ok := hidden[*s3.Client](inner, "c"); ok {
		pace := fs.NewPacer(context.Background(), &pacer.ZeroDelayCalculator{})
		pace.SetRetries(2) // as it was, for listings that are no XML
		sky.Counted = setHidden(inner, "pacer", pace) && setHidden(inner, "c", sky.Client(client))
	}
	if calmed.skies == nil {
		calmed.skies = map[*backend.Fs]Sky{}
	}
	calmed.skies[inner] = sky
	return sky
}
