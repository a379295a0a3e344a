// Package host limits what rclone may do to the process it lives in: it
// handles no signals, writes to no terminal and asks no questions.
package host

import (
	"context"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/lib/atexit"
)

// Tame must run before rclone's first operation.
//
// Without atexit.IgnoreSignals the first multipart upload installs a handler
// for SIGINT and SIGTERM that ends the process with 143 (lib/atexit). Without
// AskPassword=false an encrypted configuration file makes rclone read the
// terminal (fs/config/crypt.go).
func Tame() {
	atexit.IgnoreSignals()
	ci := fs.GetConfig(context.Background())
	ci.AskPassword = false
	ci.AutoConfirm = true
}
