package login

import (
	"context"
	_ "embed"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Address is where the provider sends the browser. Every provider knows it as rclone's and
// accepts no other.
const Address = "127.0.0.1:53682"

// The pages that the browser shows at the end.
var (
	//go:embed page.html
	page string
	//go:embed page_wrong.html
	pageWrong string
)

// farewell is how long the browser may take to get its page.
const farewell = time.Second

// listener waits for browsers at [Address]. A nil one hears nothing.
type listener struct {
	server   *http.Server
	mu       sync.Mutex
	expected *browserSession
	heard    chan brought
}

// listen takes the port.
func listen() (*listener, error) {
	port, err := net.Listen("tcp", Address)
	if err != nil {
		return nil, &Trouble{"PortTaken", "another program listens at " + Address + ", where the browser brings the answer"}
	}
	l := &listener{}
	l.server = &http.Server{
		Handler: l, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: longest,
	}
	l.server.SetKeepAlivesEnabled(false)
	go func() { _ = l.server.Serve(port) }()
	return l, nil
}

// expect makes it wait for the answer to a session: one, and no second.
func (l *listener) expect(session *browserSession) <-chan brought {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expected, l.heard = session, make(chan brought, 1)
	return l.heard
}

// close gives the port back, once the browser has its page.
func (l *listener) close() {
	if l == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	_ = l.server.Shutdown(ctx)
	_ = l.server.Close()
}

func (l *listener) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodGet || request.URL.Path != "/" || !isAnswer(request.URL.Query()) {
		http.NotFound(w, request)
		return
	}
	answer, taken := l.take(request.URL.Query())
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	text := page
	if !taken || answer.err != nil {
		text = pageWrong
		w.WriteHeader(http.StatusBadRequest)
	}
	_, _ = w.Write([]byte(text))
}

// take passes the first answer on.
func (l *listener) take(form url.Values) (brought, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.expected == nil {
		return brought{}, false
	}
	answer := l.expected.judge(form)
	l.expected = nil
	l.heard <- answer
	return answer, true
}
