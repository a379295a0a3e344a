// Package host limits what rclone may do to the process it lives in: it
// handles no signals, writes to no terminal and asks no questions.
package host

import (
	"context"
	"time"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/fshttp"
	"github.com/rclone/rclone/lib/atexit"
)

// Restrict must run before rclone's first operation.
//
// Without atexit.IgnoreSignals the first multipart upload installs a handler
// for SIGINT and SIGTERM that ends the process with 143 (lib/atexit). Without
// AskPassword=false an encrypted configuration file makes rclone read the
// terminal (fs/config/crypt.go).
func Restrict() {
	atexit.IgnoreSignals()
	ci := fs.GetConfig(context.Background())
	ci.AskPassword = false
	ci.AutoConfirm = true
	// The first who asks for it makes the transport for all, with the limits of its
	// call (fs/fshttp): a look would set those of the work. The weather sets closer ones
	// for each request.
	ctx, limits := fs.AddConfig(context.Background())
	limits.ConnectTimeout, limits.Timeout = fs.Duration(10*time.Second), fs.Duration(3*time.Minute)
	limits.Transfers, limits.Checkers = 128, 128
	fshttp.NewTransport(ctx)
}
