package weather

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/rclone/rclone/fs/fserrors"
)

// Kind is what an error says about the weather.
type Kind int

const (
	Fine   Kind = iota // no error
	Final              // an error that will be the same the next time
	Busy               // the server wants less
	Broken             // the server does not work
	Silent             // nobody answers, or not to the end
)

// codes of S3 that say more than their status.
var codes = map[string]Kind{
	"SlowDown": Busy, "ServiceUnavailable": Busy, "Throttling": Busy, "ThrottlingException": Busy,
	"TooManyRequests": Busy, "TooManyRequestsException": Busy, "RequestLimitExceeded": Busy,
	"BandwidthLimitExceeded": Busy, "OperationMaxedOut": Busy,
	"InternalError": Broken, "RequestTimeout": Broken,
	"XMinioStorageFull": Final, "InsufficientStorage": Final, "QuotaExceeded": Final,
	"NotImplemented": Final,
}

// KindOf finds out what kind of error err is.
func KindOf(err error) Kind {
	var verdict *Verdict
	var code interface{ ErrorCode() string }
	var status interface{ HTTPStatusCode() int }
	switch {
	case err == nil:
		return Fine
	case errors.As(err, &verdict), errors.Is(err, ErrGivenUp), errors.Is(err, context.Canceled):
		return Final
	case IsStall(err):
		return Silent
	case errors.As(err, &code) && codes[code.ErrorCode()] != Fine:
		return codes[code.ErrorCode()]
	case errors.As(err, &status) && status.HTTPStatusCode() >= 300:
		return kindOfStatus(status.HTTPStatusCode())
	case isSilence(err):
		return Silent
	case fserrors.IsNoRetryError(err), fserrors.IsFatalError(err):
		return Final
	case fserrors.IsRetryAfterError(err):
		return Busy
	case fserrors.IsRetryError(err):
		return Broken
	}
	return Final
}

// kindOfStatus is what the status of an answer says.
func kindOfStatus(status int) Kind {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return Busy
	case http.StatusRequestTimeout, http.StatusTooEarly,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout,
		// Of proxies of the large content networks.
		520, 521, 522, 523, 524, 525, 527, 530:
		return Broken
	}
	if status >= 300 {
		return Final
	}
	return Fine
}

// isSilence tells whether a connection was not made, broke, or timed out. What is
// wrong with a certificate, or with a disk, is not of that kind.
func isSilence(err error) bool {
	var (
		verify  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		dns     *net.DNSError
		op      *net.OpError
		timeout net.Error
	)
	switch text := err.Error(); {
	case errors.As(err, &verify), errors.As(err, &unknown),
		strings.Contains(text, "server gave HTTP response to HTTPS client"),
		strings.Contains(text, "Proxy Authentication Required"):
		return false
	case errors.As(err, &dns), errors.As(err, &op),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout(),
		strings.Contains(text, "http: server closed idle connection"),
		strings.Contains(text, "http2: "), strings.Contains(text, "malformed HTTP"):
		return true
	}
	return false
}

// refusedAtOnce tells whether there is a clear no instead of silence.
func refusedAtOnce(err error) bool {
	var dns *net.DNSError
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENETUNREACH) ||
		errors.Is(err, syscall.EHOSTUNREACH) || errors.As(err, &dns) && !dns.IsTimeout
}
