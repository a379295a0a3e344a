package calls

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/rclone/rclone/backend/crypt"
	"github.com/rclone/rclone/fs"
)

// api stands for smithy's APIError.
type api struct{ code, message string }

func (a api) Error() string        { return "operation error S3: PutObject, https response error" }
func (a api) ErrorCode() string    { return a.code }
func (a api) ErrorMessage() string { return a.message }

func TestAnErrorIsClassifiedByItsType(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for _, c := range []struct {
		err  error
		kind string
	}{
		{&url.Error{Op: "Get", URL: "http://s3.example:9000/b", Err: refused}, "unreachable"},
		{&net.DNSError{Name: "s3.example", Err: "no such host"}, "unreachable"},
		{api{"AccessDenied", "no"}, "denied"},
		{api{"NoSuchBucket", "no"}, "missing"},
		{api{"XMinioStorageFull", "no"}, "full"},
		{fmt.Errorf("write: %w", syscall.ENOSPC), "full"},
		{fmt.Errorf("open: %w", os.ErrPermission), "forbidden"},
		{fs.ErrorDirNotFound, "missing"},
		{crypt.ErrorEncryptedBadBlock, "lost"},
		{context.Canceled, "stopped"},
		{fs.ErrorNotFoundInConfigFile, "config"},
		{errors.New("anything"), "other"},
	} {
		if got := Classify(fmt.Errorf("wrapped: %w", c.err)).Kind; got != c.kind {
			t.Errorf("%v: %s, want %s", c.err, got, c.kind)
		}
	}
}

func TestAnUnreachableHostIsNamed(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	f := Classify(&url.Error{Op: "Get", URL: "http://s3.example:9000/b", Err: refused})
	if f.Host != "s3.example:9000" || strings.Contains(f.Text, "Get") {
		t.Errorf("%+v", f)
	}
}

func TestTheServersOwnWordsAreKept(t *testing.T) {
	f := Classify(api{"AccessDenied", "Access Denied."})
	if f.Text != "AccessDenied: Access Denied." || f.Code != "AccessDenied" {
		t.Errorf("%+v", f)
	}
}
