package store

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// legible has a listing read by XML that would end at the first control character in
// it: a server that neither encodes names nor says so (s3rver) would keep all others to
// itself with that one. Such a name is shown as another, which nobody has sent.
func legible(o *s3.Options) {
	o.HTTPClient = legibleClient{o.HTTPClient}
}

type legibleClient struct{ inner s3.HTTPClient }

func (c legibleClient) Do(request *http.Request) (*http.Response, error) {
	response, err := c.inner.Do(request)
	if err == nil && response.Body != nil {
		response.Body = &legibleBody{inner: response.Body}
	}
	return response, err
}

// legibleBody reads all of a page before it gives any of it.
type legibleBody struct {
	inner io.ReadCloser
	text  *bytes.Reader
	err   error // after the text
}

func (b *legibleBody) Read(p []byte) (int, error) {
	if b.text == nil {
		var text []byte
		text, b.err = io.ReadAll(b.inner)
		b.text = bytes.NewReader(cleaned(text))
	}
	n, err := b.text.Read(p)
	if err == io.EOF && b.err != nil {
		err = b.err
	}
	return n, err
}

func (b *legibleBody) Close() error { return b.inner.Close() }

// reference is a character by its number.
var reference = regexp.MustCompile(`&#(x[0-9A-Fa-f]+|[0-9]+);`)

// cleaned is text with U+FFFD for what XML 1.0 does not have.
func cleaned(text []byte) []byte {
	if bytes.Contains(text, []byte("&#")) {
		text = reference.ReplaceAllFunc(text, func(found []byte) []byte {
			digits, base := string(found[2:len(found)-1]), 10
			if digits[0] == 'x' {
				digits, base = digits[1:], 16
			}
			if number, err := strconv.ParseUint(digits, base, 31); err == nil && inXML(rune(number)) {
				return found
			}
			return []byte("\uFFFD")
		})
	}
	bad := func(r rune) bool { return !inXML(r) }
	if bytes.IndexFunc(text, bad) < 0 && utf8.Valid(text) {
		return text
	}
	return bytes.Map(func(r rune) rune {
		if bad(r) {
			return utf8.RuneError
		}
		return r
	}, text)
}

// inXML tells whether XML 1.0 has a character (its production 2).
func inXML(r rune) bool {
	switch {
	case r == '\t', r == '\n', r == '\r':
		return true
	case r < 0x20, r == 0xFFFE, r == 0xFFFF, r >= 0xD800 && r < 0xE000:
		return false
	}
	return r <= utf8.MaxRune
}
