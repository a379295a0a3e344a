package calls

import (
	"context"
	"maps"
	"time"

	"github.com/rclone/rclone/fs/rc"

	"bridge/store"
	"bridge/weather"
)

// small are rclone's and our small calls, of which each is a request or a few, and may
// be made again. The others see to that themselves.
var small = map[string]bool{
	"operations/mkdir": true, "operations/deletefile": true, "operations/purge": true,
	"operations/rmdirs": true, "poof/put": true, "poof/get": true, "poof/top": true,
}

// The first look at a remote that is not S3, whose single requests nobody watches.
const firstLook = 8 * time.Second

// patient has a call tried again as long as that makes sense.
func patient(method string, fn rc.Func) rc.Func {
	if !small[method] {
		return fn
	}
	return func(ctx context.Context, in rc.Params) (out rc.Params, err error) {
		var sky store.Sky
		if f, err := rc.GetFs(ctx, in); err == nil {
			sky = store.Calm(f)
		}
		err = sky.Try(ctx, func(ctx context.Context) (err error) {
			if sky.Weather != nil && !sky.Counted && !sky.Met() && method != "operations/purge" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeoutCause(ctx, firstLook, &weather.Stall{})
				defer cancel()
			}
			out, err = fn(ctx, maps.Clone(in))
			if err != nil && context.Cause(ctx) != nil && weather.IsStall(context.Cause(ctx)) {
				err = context.Cause(ctx)
			}
			return err
		})
		return out, err
	}
}
