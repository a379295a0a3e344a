package calls

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"bridge/login"
	"bridge/store"
)

// reason is the server's own code, or where no server came to speak a word of ours for
// what went wrong. src/storage/remedy.rs knows what to do about each.
func reason(err error) string {
	if word := certificate(err); word != "" {
		return word
	}
	var trouble *login.Trouble
	if errors.As(err, &trouble) {
		return trouble.Code
	}
	page, text := answer(err), err.Error()
	has := func(words ...string) bool {
		for _, word := range words {
			if strings.Contains(text, word) || bytes.Contains(page, []byte(word)) {
				return true
			}
		}
		return false
	}
	var record tls.RecordHeaderError
	switch {
	case has("server gave HTTP response to HTTPS client"), errors.As(err, &record):
		return "NoTls"
	// Go, nginx, Apache; and the alert of a server that says nothing else.
	case has("HTTP request to an HTTPS server", "plain HTTP request was sent to HTTPS port",
		"speaking plain HTTP to an SSL-enabled server", `malformed HTTP response "\x15\x03`):
		return "NeedsTls"
	// The S3 client drops the words of an answer that is no XML.
	case code(err) == "BadRequest" && schemeOf(err) == "http":
		return "NeedsTls"
	case store.Status(err) == http.StatusProxyAuthRequired, isProxy(err) && has("Proxy Authentication Required"):
		return "ProxyAuthRequired"
	case isPage(page), has("invalid character '<' looking for beginning of value"):
		return "NotAStore"
	// The servers of OAuth, and golang.org/x/oauth2.
	case has("invalid_grant", "token expired and there's no refresh token", "token expired and refresh token is not set"):
		return "TokenExpired"
	case has("empty token found"):
		return "TokenMissing"
	}
	return code(err)
}

// certificate tells what is wrong with the certificate of a server, if that is it.
func certificate(err error) string {
	var (
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		unknown x509.UnknownAuthorityError
		verify  *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &host):
		return "CertificateHost"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "CertificateExpired"
	case errors.As(err, &invalid), errors.As(err, &unknown), errors.As(err, &verify):
		return "CertificateUnknown"
	}
	return ""
}

// schemeOf is that of the request whose answer err tells of.
func schemeOf(err error) string {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.Response != nil && response.Response.Response != nil &&
		response.Response.Request != nil {
		return response.Response.Request.URL.Scheme
	}
	return ""
}

// answer is what a server said that the S3 client could not read.
func answer(err error) []byte {
	var unread *smithy.DeserializationError
	if errors.As(err, &unread) {
		return unread.Snapshot
	}
	return nil
}

func isPage(text []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(text[:min(len(text), 1024)]))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// isProxy tells whether a connection failed on the way through a proxy. net/http has no
// type for what a proxy answers to CONNECT.
func isProxy(err error) bool {
	var op *net.OpError
	return !errors.As(err, &op) || op.Op == "proxyconnect"
}
