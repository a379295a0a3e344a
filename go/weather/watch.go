package weather

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Stall says that a request made no progress for too long.
type Stall struct{}

func (*Stall) Error() string { return "timeout: nothing came for too long" }

// Timeout makes it a net.Error, as it is for all who know nothing of it.
func (*Stall) Timeout() bool { return true }

// Temporary is the rest of a net.Error.
func (*Stall) Temporary() bool { return true }

// IsStall tells whether err is a Stall.
func IsStall(err error) bool {
	var stall *Stall
	return errors.As(err, &stall)
}

// watch sees to it that a request gets on. Time counts only while the other side is
// waited for, and by the tick: a machine that slept has waited for nobody.
type watch struct {
	cancel context.CancelCauseFunc
	ticks  int64 // without progress, after which it is cancelled
	idle   atomic.Int64
	ours   atomic.Int32 // somebody on this side is what it waits for
	queue  func() int   // bytes that the system has not brought across yet
	queued int
}

const tick = 500 * time.Millisecond

var watched struct {
	sync.Mutex
	begun bool
	all   map[*watch]struct{}
}

func (w *watch) begin() {
	watched.Lock()
	defer watched.Unlock()
	if !watched.begun {
		watched.begun, watched.all = true, map[*watch]struct{}{}
		go func() {
			for range time.Tick(tick) {
				watched.Lock()
				for w := range watched.all {
					w.look()
				}
				watched.Unlock()
			}
		}()
	}
	watched.all[w] = struct{}{}
}

func (w *watch) end() {
	watched.Lock()
	delete(watched.all, w)
	watched.Unlock()
	w.cancel(context.Canceled)
}

func (w *watch) look() {
	if w.ours.Load() > 0 {
		w.idle.Store(0)
		return
	}
	if w.queue != nil {
		if now := w.queue(); now != w.queued {
			w.queued = now
			w.idle.Store(0)
			return
		}
	}
	if w.idle.Add(1) >= w.ticks {
		w.cancel(&Stall{})
	}
}

// sending is the body of a request that is watched.
type sending struct {
	io.ReadCloser
	watch *watch
}

func (s *sending) Read(p []byte) (int, error) {
	s.watch.ours.Add(1)
	defer s.watch.ours.Add(-1)
	n, err := s.ReadCloser.Read(p)
	s.watch.idle.Store(0)
	return n, err
}

// receiving is the body of an answer that is watched while somebody reads it.
type receiving struct {
	io.ReadCloser
	ctx   context.Context
	watch *watch
}

func (r *receiving) Read(p []byte) (int, error) {
	r.watch.idle.Store(0)
	r.watch.ours.Add(-1)
	n, err := r.ReadCloser.Read(p)
	r.watch.ours.Add(1)
	if err != nil && err != io.EOF && IsStall(context.Cause(r.ctx)) {
		err = &Stall{}
	}
	return n, err
}

func (r *receiving) Close() error {
	r.watch.end()
	return r.ReadCloser.Close()
}

// watching does a request that is cancelled when it makes no progress for so long.
func watching(request *http.Request, limit time.Duration, do func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(request.Context())
	w := &watch{cancel: cancel, ticks: int64(limit / tick)}
	traced := ctx
	if request.ContentLength > 64<<10 {
		traced = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			GotConn: func(got httptrace.GotConnInfo) {
				queue := queueOf(got.Conn)
				watched.Lock()
				w.queue = queue
				watched.Unlock()
			},
		})
	}
	request = request.WithContext(traced)
	if request.Body != nil && request.Body != http.NoBody {
		request.Body = &sending{request.Body, w}
	}
	w.begin()
	answer, err := do(request)
	if err != nil {
		if IsStall(context.Cause(ctx)) {
			at := request.URL.Scheme + "://" + request.URL.Host
			err = &url.Error{Op: request.Method, URL: at, Err: &Stall{}}
		}
		w.end()
		return answer, err
	}
	// From here on it is watched only while it is read.
	w.ours.Add(1)
	answer.Body = &receiving{answer.Body, ctx, w}
	return answer, nil
}
