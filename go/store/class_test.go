package store

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// rclone has one class for all objects of a remote, and S3 bills small ones in some classes
// as if they were larger.
func TestASmallObjectIsSentAndCopiedInItsOwnClass(t *testing.T) {
	var mu sync.Mutex
	classes := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		classes[r.URL.Path] = r.Header.Get("X-Amz-Storage-Class")
		if r.Header.Get("X-Amz-Copy-Source") != "" {
			_, _ = fmt.Fprint(w, "<CopyObjectResult></CopyObjectResult>")
		}
	}))
	defer server.Close()
	SetSmallClass("STANDARD")
	defer SetSmallClass("")
	ctx, s := openAt(t, server.URL, "storage_class=ONEZONE_IA,")
	for _, c := range []struct {
		size  int
		class string
	}{{0, "STANDARD"}, {Small - 1, "STANDARD"}, {Small, "ONEZONE_IA"}} {
		name, copied := fmt.Sprint(c.size), fmt.Sprint("copied", c.size)
		if _, err := s.Send(ctx, nil, &Send{Remote: []byte(name), Data: make([]byte, c.size)}); err != nil {
			t.Fatal(err)
		}
		job := &Copy{From: []byte(name), Remote: []byte(copied), Size: int64(c.size)}
		if err := s.Copy(ctx, job); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{name, copied} {
			if got := classes["/bucket/"+name]; got != c.class {
				t.Errorf("%s has the class %q", name, got)
			}
		}
	}
}
