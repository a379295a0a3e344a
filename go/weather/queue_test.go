package weather

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"bridge/limit"
)

// unread is how many bytes a server got rid of for somebody who reads none of them.
func unread(t *testing.T) int64 {
	var gone atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for piece := make([]byte, 16<<10); ; gone.Add(int64(len(piece))) {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}))
	server.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateNew {
			_ = conn.(*net.TCPConn).SetWriteBuffer(16 << 10)
		}
	}
	server.Start()
	defer server.Close()
	ctx, cancel := context.WithCancel(Narrow(context.Background()))
	defer cancel()
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	answer, err := (&http.Client{Transport: &http.Transport{}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	time.Sleep(300 * time.Millisecond)
	return gone.Load()
}

func TestTheSystemBuffersLittleWhileThereIsALimit(t *testing.T) {
	free := unread(t)
	if err := limit.Set("512k"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = limit.Set("") }()
	narrow := unread(t)
	t.Logf("%d bytes without a limit, %d at 512 KiB a second", free, narrow)
	if narrow > 192<<10 {
		t.Errorf("%d bytes are on the line that nobody has read", narrow)
	}
}
