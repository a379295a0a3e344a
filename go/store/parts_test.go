package store

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/object"
)

// fakeBucket is as much of an S3 server as one multipart upload needs.
type fakeBucket struct {
	mu      sync.Mutex
	parts   map[string][]byte
	done    bool
	aborted bool
	refuse  bool // the second part
}

func (b *fakeBucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	number := query.Get("partNumber")
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		_, _ = fmt.Fprint(w, `<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>`)
	case r.Method == http.MethodPut && b.refuse && number == "2":
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprint(w, `<Error><Code>AccessDenied</Code></Error>`)
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		b.parts[number] = body
		b.mu.Unlock()
		sum := md5.Sum(body)
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	case r.Method == http.MethodPost:
		b.done = true
		_, _ = fmt.Fprint(w, `<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>`)
	case r.Method == http.MethodDelete:
		b.aborted = true
		w.WriteHeader(http.StatusNoContent)
	}
}

func sendInParts(t *testing.T, b *fakeBucket, content []byte) (*sums, error) {
	t.Helper()
	server := httptest.NewServer(b)
	defer server.Close()
	ctx, config := fs.AddConfig(context.Background())
	config.LowLevelRetries = 1
	f, err := fs.NewFs(ctx, fmt.Sprintf(":s3,provider=Minio,endpoint='%s',access_key_id=a,secret_access_key=b,"+
		"no_check_bucket=true,no_head=true,disable_checksum=true,upload_cutoff=5Mi,chunk_size=5Mi:bucket/", server.URL))
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{base: f, s3: reach(f)}
	size := int64(len(content))
	sums := s.summer(size)
	if !s.takesParts(sums) {
		t.Fatal("not in parts")
	}
	info := object.NewStaticObjectInfo("name", time.Now(), size, true, nil, f)
	return sums, s.putInParts(ctx, bytes.NewReader(content), info, sums)
}

// The hashes of the parts are taken from a field of rclone's, which nobody promises.
func TestTheHashesOfThePartsAreRclones(t *testing.T) {
	content := bytes.Repeat([]byte("content "), 11<<17+1)
	b := &fakeBucket{parts: map[string][]byte{}}
	sums, err := sendInParts(t, b, content)
	if err != nil {
		t.Fatal(err)
	}
	stored := contentOf(b)
	if !b.done || b.aborted || !bytes.Equal(stored, content) {
		t.Errorf("completed %v, aborted %v, %d bytes of %d", b.done, b.aborted, len(stored), len(content))
	}
	var own []byte
	for rest := content; len(rest) > 0; rest = rest[min(5<<20, len(rest)):] {
		sum := md5.Sum(rest[:min(5<<20, len(rest))])
		own = append(own, sum[:]...)
	}
	sum := md5.Sum(own)
	if want := hex.EncodeToString(sum[:]) + "-3"; sums.tag() != want {
		t.Errorf("tag %s instead of %s", sums.tag(), want)
	}
	if !bytes.Equal(sums.head, content[:headSize]) {
		t.Errorf("head %q", sums.head)
	}
}

func TestWhatFailsHalfWayIsAborted(t *testing.T) {
	b := &fakeBucket{parts: map[string][]byte{}, refuse: true}
	_, err := sendInParts(t, b, make([]byte, 11<<20))
	if err == nil || !strings.Contains(err.Error(), "AccessDenied") || b.done || !b.aborted {
		t.Errorf("completed %v, aborted %v: %v", b.done, b.aborted, err)
	}
}

// contentOf are the parts in their order.
func contentOf(b *fakeBucket) (all []byte) {
	for number := 1; number <= len(b.parts); number++ {
		all = append(all, b.parts[fmt.Sprint(number)]...)
	}
	return all
}
