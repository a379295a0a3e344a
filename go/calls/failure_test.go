package calls

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/smithy-go"
	"github.com/rclone/rclone/backend/crypt"
	"github.com/rclone/rclone/fs"

	"bridge/login"
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
		{api{"InvalidBucketName", "no"}, "denied"},
		{api{"ExpiredToken", "no"}, "denied"},
		{&url.Error{Op: "Get", URL: "https://s3.example", Err: x509.UnknownAuthorityError{}}, "untrusted"},
		{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "nas"}, "untrusted"},
		{x509.CertificateInvalidError{Reason: x509.Expired}, "untrusted"},
		{errors.New("oauth2: \"invalid_grant\" \"Token has been expired or revoked.\""), "denied"},
		{api{"XMinioAdminBucketQuotaExceeded", "no"}, "full"},
		{errors.New("googleapi: Error 403: storageQuotaExceeded"), "full"},
		{&textproto.Error{Code: 552, Msg: "Quota exceeded"}, "full"},
		{errors.New("corrupted on transfer: sizes differ 10552 vs 7"), "other"},
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

func TestWhatNoServerHasSaidHasAWordOfItsOwn(t *testing.T) {
	page := func(text string) error {
		return &smithy.DeserializationError{Err: errors.New("unexpected element"), Snapshot: []byte(text)}
	}
	for _, c := range []struct {
		err  error
		code string
	}{
		{&url.Error{Op: "Get", URL: "https://nas", Err: x509.UnknownAuthorityError{}}, "CertificateUnknown"},
		{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "nas"}, "CertificateHost"},
		{x509.CertificateInvalidError{Reason: x509.Expired}, "CertificateExpired"},
		{errors.New("http: server gave HTTP response to HTTPS client"), "NoTls"},
		{page("Client sent an HTTP request to an HTTPS server.\n"), "NeedsTls"},
		{page(" <!DOCTYPE html><html><title>MinIO Console</title>"), "NotAStore"},
		{errors.New("Proxy Authentication Required"), "ProxyAuthRequired"},
		{errors.New("couldn't fetch token: invalid_grant"), "TokenExpired"},
		{errors.New("empty token found - please run \"rclone config reconnect s:\""), "TokenMissing"},
		{&login.Trouble{Code: "LoginFailed", Text: "invalid_grant"}, "LoginFailed"},
		{api{"NoSuchBucket", "no"}, "NoSuchBucket"},
		{errors.New("anything"), ""},
	} {
		if got := Classify(fmt.Errorf("wrapped: %w", c.err)).Code; got != c.code {
			t.Errorf("%v: %q, want %q", c.err, got, c.code)
		}
	}
}
