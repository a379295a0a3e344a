package calls

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/rclone/rclone/backend/crypt"
	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/config"

	"bridge/lease"
	"bridge/store"
	"bridge/weather"
)

// Failure is what poof learns of an error. The kinds are the ones on which
// poof acts; everything else is "other".
type Failure struct {
	Kind string `json:"kind"`
	Host string `json:"host,omitempty"` // for unreachable and denied, where known
	Code string `json:"code,omitempty"` // the server's own code, e.g. NoSuchBucket
	Text string `json:"text"`           // for people; secrets removed
	Here bool   `json:"here,omitempty"` // a file on this machine, not the remote, failed
}

// Classify finds out what kind of failure err is.
func Classify(err error) Failure {
	f := Failure{Kind: "other", Host: hostOf(err), Code: reason(err), Text: Scrub(brief(err)), Here: store.IsHere(err)}
	if !f.Here {
		f.Code, f.Text = Shorten(f.Code), Shorten(f.Text)
	}
	// What rclone says names a command of its own.
	switch f.Code {
	case "TokenExpired":
		f.Text = "the login has expired, or was revoked"
	case "TokenMissing":
		f.Text = "nobody has logged in yet"
	}
	switch {
	case errors.Is(err, context.Canceled):
		f.Kind = "stopped"
	case errors.Is(err, lease.ErrLost):
		f.Kind = "overtaken"
	case errors.Is(err, store.ErrName):
		f.Kind = "name"
	case errors.Is(err, store.ErrTaken):
		f.Kind = "taken"
	case errors.Is(err, store.ErrUnable):
		f.Kind = "unable"
	case isLost(err):
		f.Kind = "lost"
	case strings.HasPrefix(f.Code, "Certificate"):
		f.Kind = "untrusted"
	case isMissing(err, f.Code):
		f.Kind = "missing"
	// Some servers refuse with 403 what exceeds a quota.
	case isFull(err, f.Code):
		f.Kind = "full"
	case isDenied(err, f.Code):
		f.Kind = "denied"
	case isFailing(err):
		f.Kind = "failing"
	case errors.Is(err, os.ErrPermission):
		f.Kind = "forbidden"
	case errors.Is(err, syscall.EROFS):
		f.Kind, f.Code = "forbidden", "ReadOnly"
	case isUnreachable(err):
		f.Kind = "unreachable"
	case isConfig(err):
		f.Kind = "config"
	}
	return f
}

// brief is the part of err that a person needs: rclone and the S3 client wrap
// a broken connection in request numbers and Go's names of operations.
func brief(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Error()
	}
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	var api interface {
		ErrorCode() string
		ErrorMessage() string
	}
	if errors.As(err, &api) && api.ErrorMessage() != "" {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return err.Error()
}

// code is the error code of an AWS style API error (smithy.APIError).
func code(err error) string {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func hostOf(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		if parsed, perr := url.Parse(u.URL); perr == nil {
			return parsed.Host
		}
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.Name
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Addr != nil {
		return op.Addr.String()
	}
	return ""
}

// isLost tells whether an object is not one that crypt has written whole.
func isLost(err error) bool {
	for _, damage := range []error{
		crypt.ErrorEncryptedBadBlock, crypt.ErrorEncryptedBadMagic,
		crypt.ErrorEncryptedFileBadHeader, crypt.ErrorEncryptedFileTooShort,
		store.ErrTooLong, store.ErrCut,
	} {
		if errors.Is(err, damage) {
			return true
		}
	}
	return false
}

func isMissing(err error, code string) bool {
	switch code {
	case "NoSuchBucket", "NoSuchKey", "NotFound":
		return true
	}
	return errors.Is(err, fs.ErrorDirNotFound) || errors.Is(err, fs.ErrorObjectNotFound) ||
		errors.Is(err, os.ErrNotExist)
}

func isDenied(err error, code string) bool {
	switch code {
	case "AccessDenied", "Forbidden", "InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch",
		"ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired", "TokenExpired", "TokenMissing",
		"AllAccessDisabled", "AccountProblem", "RequestTimeTooSkewed", "RequestExpired",
		"AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException",
		"InvalidLocationConstraint", "InvalidRegion", "InvalidBucketName", "BucketAlreadyExists",
		"NoTls", "NeedsTls", "ProxyAuthRequired", "NotAStore":
		return true
	}
	status := store.Status(err)
	return status == http.StatusForbidden || status == http.StatusUnauthorized ||
		errors.Is(err, fs.ErrorPermissionDenied)
}

func isFull(err error, code string) bool {
	switch code {
	case "QuotaExceeded", "ServiceQuotaExceeded", "StorageQuotaExceeded", "XMinioStorageFull",
		"XMinioAdminBucketQuotaExceeded", "InsufficientStorage":
		return true
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		store.Status(err) == http.StatusInsufficientStorage {
		return true
	}
	// FTP: exceeded storage allocation, insufficient storage space.
	var ftp *textproto.Error
	if errors.As(err, &ftp) && (ftp.Code == 552 || ftp.Code == 452) {
		return true
	}
	// Google Drive, Dropbox, OneDrive; what servers of files say of their own disk.
	text := err.Error()
	for _, words := range []string{"storageQuotaExceeded", "insufficient_space", "quotaLimitReached",
		"No space left on device", "no space left on device", "507 Insufficient Storage",
		// rclone, before it writes to a disk.
		"file too big for remaining disk space"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// isFailing tells whether the server answered, and with nothing but an error of its own.
func isFailing(err error) bool {
	var verdict *weather.Verdict
	if errors.As(err, &verdict) {
		return verdict.Answered
	}
	kind := weather.KindOf(err)
	return kind == weather.Busy || kind == weather.Broken || errors.Is(err, weather.ErrGivenUp) && store.Status(err) >= 400
}

func isUnreachable(err error) bool {
	var (
		dns     *net.DNSError
		op      *net.OpError
		timeout net.Error
	)
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &dns) || errors.As(err, &op) ||
		errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

func isConfig(err error) bool {
	text := err.Error()
	return errors.Is(err, fs.ErrorNotFoundInConfigFile) || errors.Is(err, config.ErrorConfigFileNotFound) ||
		strings.Contains(text, "didn't find backend called") ||
		strings.Contains(text, "failed to decrypt password") ||
		strings.Contains(text, "Failed to load config file") ||
		isRefusedSetting(text)
}

// isRefusedSetting tells whether rclone makes no remote because of a setting. It has no type
// for that.
func isRefusedSetting(text string) bool {
	for _, words := range []string{
		"couldn't parse config item", "unknown file name encryption mode", "s3: chunk size:", "s3: upload cutoff:",
		"is not obscured as rclone does it",
	} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}
