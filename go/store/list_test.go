package store

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/rclone/rclone/backend/s3"
	"github.com/rclone/rclone/fs/config/configmap"
	"github.com/rclone/rclone/fs/config/obscure"

	"bridge/weather"
)

// serving lists names as a server of some kind does.
func serving(t *testing.T, names []string, write func(w http.ResponseWriter, r *http.Request, names []string)) *Store {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { write(w, r, names) }))
	t.Cleanup(server.Close)
	place := fmt.Sprintf(":s3,provider=Other,endpoint='%s',access_key_id=a,secret_access_key=b,region=us-east-1:bucket/", server.URL)
	s, err := Open(context.Background(), place, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func page(names []string, says string, as func(string) string) string {
	var text strings.Builder
	text.WriteString("<ListBucketResult>" + says)
	for _, name := range names {
		fmt.Fprintf(&text, "<Contents><Key>%s</Key><Size>1</Size></Contents>", as(name))
	}
	return text.String() + "<IsTruncated>false</IsTruncated></ListBucketResult>"
}

func escaped(name string) string {
	var text strings.Builder
	_ = xml.EscapeText(&text, []byte(name))
	return text.String()
}

func TestNamesAreDecodedIfTheReplySaysSoAndNotOtherwise(t *testing.T) {
	const says = "<EncodingType>url</EncodingType>"
	asked := func(r *http.Request) bool { return r.URL.Query().Get("encoding-type") == "url" }
	names := []string{"new\nline", "100%25", "a+b", "a b", "100% of", "plain", "\x01"}
	for kind, test := range map[string]struct {
		write func(w http.ResponseWriter, r *http.Request, names []string)
		want  []string
	}{
		"encodes": {func(w http.ResponseWriter, r *http.Request, names []string) {
			if asked(r) {
				_, _ = w.Write([]byte(page(names, says, url.QueryEscape)))
			}
		}, names},
		"does not know it": {func(w http.ResponseWriter, _ *http.Request, names []string) {
			_, _ = w.Write([]byte(page(names[1:6], "", escaped)))
		}, names[1:6]},
		"says it and does not": {func(w http.ResponseWriter, _ *http.Request, names []string) {
			_, _ = w.Write([]byte(page(names[3:6], says, escaped)))
		}, names[3:6]},
		"refuses": {func(w http.ResponseWriter, r *http.Request, names []string) {
			if asked(r) {
				w.WriteHeader(http.StatusNotImplemented)
				return
			}
			_, _ = w.Write([]byte(page(names[1:6], "", escaped)))
		}, names[1:6]},
		"raw": {func(w http.ResponseWriter, _ *http.Request, names []string) {
			_, _ = w.Write([]byte(page(names[5:], "", func(name string) string { return name })))
		}, []string{"plain", "\uFFFD"}},
		"by number": {func(w http.ResponseWriter, _ *http.Request, names []string) {
			as := func(name string) string { return strings.ReplaceAll(name, "\x01", "&#x1;") }
			_, _ = w.Write([]byte(page(names[5:], "", as)))
		}, []string{"plain", "\uFFFD"}},
	} {
		var found []string
		s := serving(t, names, test.write)
		_, _, err := s.List(context.Background(), "", "", nil, func(remote string, _ Object) error {
			found = append(found, s.s3.opt.Enc.FromStandardPath(remote))
			return nil
		})
		if err != nil || !slices.Equal(found, test.want) {
			t.Errorf("%s: %q instead of %q, %v", kind, found, test.want, err)
		}
	}
}

func TestWhatXMLCannotCarryIsAnotherCharacter(t *testing.T) {
	for text, want := range map[string]string{
		"a\tb\nü&#10;&#xA;&amp;": "a\tb\nü&#10;&#xA;&amp;",
		"\x01\x1f\x7f":           "\uFFFD\uFFFD\x7f",
		"\uFFFE\uFFFF":           "\uFFFD\uFFFD",
		"&#1;&#x1F;&#xFFFF;":     "\uFFFD\uFFFD\uFFFD",
		"&#99999999999;&#x;":     "\uFFFD&#x;",
		"\xff":                   "\uFFFD",
	} {
		if got := string(cleaned([]byte(text))); got != want {
			t.Errorf("%q: %q instead of %q", text, got, want)
		}
	}
}

func TestTheTopNamesTheDirectoriesThatDecrypt(t *testing.T) {
	keys, err := keysOf(configmap.Simple{
		"password": obscure.MustObscure("one"), "filename_encryption": "standard",
		"directory_name_encryption": "true", "filename_encoding": "base64",
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{keys.cipher.EncryptDirName("documents"), "foreign"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, keys.cipher.EncryptFileName("file")), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), ":local:"+dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if names, err := s.Directories(context.Background(), ""); err != nil || len(names) != 2 {
		t.Errorf("in clear: %q, %v", names, err)
	}
	s.cipher = keys.cipher
	if names, err := s.Directories(context.Background(), ""); err != nil || !slices.Equal(names, []string{"documents"}) {
		t.Errorf("decrypted: %q, %v", names, err)
	}
}

// Also where the names are none of ours, and nothing is kept of them.
func TestAListingWithMoreObjectsThanThereCanBeEnds(t *testing.T) {
	names := weather.MostNames
	t.Cleanup(func() { weather.MostNames = names })
	dir := t.TempDir()
	for i := range 20 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := keysOf(configmap.Simple{
		"password": obscure.MustObscure("one"), "filename_encryption": "standard",
		"directory_name_encryption": "true", "filename_encoding": "base64",
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), ":local:"+dir, "")
	if err != nil {
		t.Fatal(err)
	}
	found := func(string, Object) error { return nil }
	for _, encrypted := range []bool{false, true} {
		if encrypted {
			s.cipher = keys.cipher
		}
		for most, ends := range map[int64]bool{20: false, 19: true} {
			weather.MostNames = most
			if _, _, err := s.List(context.Background(), "", "", nil, found); errors.Is(err, weather.ErrEndless) != ends {
				t.Errorf("%d of 20, encrypted %v: %v", most, encrypted, err)
			}
		}
	}
}
