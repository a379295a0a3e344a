package calls

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/operations"
	"github.com/rclone/rclone/fs/rc"

	"bridge/limit"
	"bridge/store"
	"bridge/weather"
)

// mirror runs sync/sync or sync/copy and reports what it decides for each file.
//
// Parameters: those of sync/sync; operation: sync or copy; and report: a file
// descriptor. With _config.DryRun the report is the plan.
//
// The report is a sequence of records of five fields, each ended by a NUL:
//
//	what    + only in the source, * different, - only in the destination,
//	        = equal, ! could not be compared or copied
//	size    in bytes, decimal; of the source where there is one; -1 unknown
//	path    relative, in rclone's standard encoding
//	kind    the kind of failure of a "!", else empty
//	error   its text for people, else empty
//
// A path can have a "!" after a "+" or "*".
func mirror(ctx context.Context, in rc.Params) (rc.Params, error) {
	file, err := openReport(in)
	if err != nil {
		return nil, err
	}
	r := &report{file: file, out: bufio.NewWriter(file)}
	defer r.close()
	delete(in, "report")
	operation, err := in.GetString("operation")
	if err != nil {
		return nil, err
	}
	delete(in, "operation")
	opt := operations.NewSyncLoggerOpt()
	opt.LoggerFn = r.record
	ctx = operations.WithSyncLogger(ctx, opt)
	call := rc.Calls.Get("sync/" + operation)
	if call == nil {
		return nil, fmt.Errorf("no such operation: %s", operation)
	}
	if limit.Window() > 0 {
		// What rclone reads ahead has been on the line already, in pieces larger than any.
		config, ci := fs.AddConfig(weather.Narrow(ctx))
		ci.BufferSize = 0
		ctx = config
	}
	for _, end := range []string{"srcFs", "dstFs"} {
		if f, err := rc.GetFsNamed(ctx, in, end); err == nil {
			store.Calm(f)
			if end == "srcFs" {
				defer store.LimitMirror(f)()
			}
		}
	}
	return call.Fn(ctx, in)
}

type report struct {
	mu   sync.Mutex
	file *os.File
	out  *bufio.Writer
}

// record is an operations.LoggerFn.
func (r *report) record(_ context.Context, sigil operations.Sigil, src, dst fs.DirEntry, err error) {
	entry := src
	if object, ok := src.(fs.Object); !ok || object == nil {
		entry = dst
	}
	object, ok := entry.(fs.Object)
	if !ok || object == nil {
		return
	}
	if err == fs.ErrorIsDir {
		return
	}
	var failure Failure
	if err != nil {
		failure = Classify(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, field := range []string{
		string(rune(sigil)), strconv.FormatInt(object.Size(), 10), object.Remote(), failure.Kind, failure.Text,
	} {
		_, _ = r.out.WriteString(field)
		_ = r.out.WriteByte(0)
	}
}

func (r *report) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.out.Flush()
	_ = r.file.Close()
}
