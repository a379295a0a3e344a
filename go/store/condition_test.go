package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/rclone/rclone/fs"
)

// names is a bucket that knows the condition of a PUT, and nothing else.
type names struct {
	mu    sync.Mutex
	taken map[string]string
}

func (n *names) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, there := n.taken[r.URL.Path]; there && r.Header.Get("If-None-Match") == "*" {
		w.WriteHeader(http.StatusPreconditionFailed)
		_, _ = fmt.Fprint(w, `<Error><Code>PreconditionFailed</Code></Error>`)
		return
	}
	n.taken[r.URL.Path] = string(body)
}

// openAt opens the bucket of a stand-in for S3, with more options, each with a comma behind it.
func openAt(t *testing.T, url, options string) (context.Context, *Store) {
	t.Helper()
	ctx, config := fs.AddConfig(context.Background())
	config.LowLevelRetries = 1
	s, err := Open(ctx, fmt.Sprintf(":s3,provider=Minio,endpoint='%s',access_key_id=a,secret_access_key=b,%s"+
		"no_check_bucket=true,no_head=true:bucket/", url, options), "")
	if err != nil {
		t.Fatal(err)
	}
	return ctx, s
}

func TestWhatIsToBeFreshIsStoredOverNothing(t *testing.T) {
	bucket := &names{taken: map[string]string{}}
	server := httptest.NewServer(bucket)
	defer server.Close()
	ctx, s := openAt(t, server.URL, "")
	put := func(content string, fresh bool) error {
		_, err := s.Send(ctx, nil, &Send{Remote: []byte("name"), Data: []byte(content), Fresh: fresh})
		return err
	}
	if err := put("first", true); err != nil {
		t.Fatal(err)
	}
	if err := put("second", true); !errors.Is(err, ErrTaken) {
		t.Errorf("a second was stored over the first: %v", err)
	}
	if got := bucket.taken["/bucket/name"]; got != "first" {
		t.Errorf("the server has %q", got)
	}
	if err := put("third", false); err != nil || bucket.taken["/bucket/name"] != "third" {
		t.Errorf("without the condition it is not replaced: %v", err)
	}
}
