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

	"bridge/limit"
)

// Stall says that a request made no progress for too long, or hardly any.
type Stall struct{ hardly bool }

func (s *Stall) Error() string {
	if s.hardly {
		return "timeout: hardly anything came for too long"
	}
	return "timeout: nothing came for too long"
}

// Timeout makes it a net.Error, as it is for all who know nothing of it.
func (*Stall) Timeout() bool { return true }

// Temporary is the rest of a net.Error.
func (*Stall) Temporary() bool { return true }

// IsStall tells whether err is a Stall.
func IsStall(err error) bool {
	var stall *Stall
	return errors.As(err, &stall)
}

// pace is the least that has to get across in a time.
type pace struct {
	bytes  int64
	during time.Duration
}

// leastBytes is less than two segments of TCP. A line that brings one segment in usualPatience
// brings more: what is slower than this is so on purpose.
const leastBytes = 1 << 10

// The paces are variables for the tests: a minute is long.
var (
	slowest = pace{leastBytes, time.Minute}
	// Servers send a space now and then while they put an object together or copy it.
	slowestLong = pace{leastBytes, 30 * time.Minute}
)

// watch sees to it that a request gets on. Time counts only while the other side is
// waited for, and by the tick: a machine that slept has waited for nobody.
type watch struct {
	cancel context.CancelCauseFunc
	ticks  int64 // without progress, after which it is cancelled
	idle   atomic.Int64
	ours   atomic.Int32 // somebody on this side is what it waits for
	queue  func() int   // bytes that the system has not brought across yet
	queued int
	meter  *meter
	floor  pace
	moved  atomic.Int64 // bytes that have got across, in either direction
	before int64        // of those, up to the begin of the time that floor is about
	waited int64        // ticks of that time
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
	if w.meter != nil && w.queue != nil {
		w.meter.look(w.queue())
	}
	if w.ours.Load() > 0 {
		w.idle.Store(0)
		return
	}
	waits := true
	if w.queue != nil {
		if now := w.queue(); now != w.queued {
			w.moved.Add(int64(max(w.queued-now, 0)))
			w.queued, waits = now, false
			w.idle.Store(0)
		}
	}
	if waits && w.idle.Add(1) >= w.ticks {
		w.cancel(&Stall{})
	}
	w.hold()
}

// hold cancels what gets on by a few bytes at a time, and would never be idle.
func (w *watch) hold() {
	if w.waited++; w.waited < int64(w.floor.during/tick) {
		return
	}
	moved := w.moved.Load()
	if moved-w.before < w.floor.bytes {
		w.cancel(&Stall{hardly: true})
	}
	w.before, w.waited = moved, 0
}

// sending is the body of a request that is watched.
type sending struct {
	io.ReadCloser
	watch *watch
}

func (s *sending) Read(p []byte) (int, error) {
	s.watch.ours.Add(1)
	defer s.watch.ours.Add(-1)
	n, err := s.ReadCloser.Read(p[:min(len(p), limit.UpPiece())])
	s.watch.idle.Store(0)
	s.watch.moved.Add(int64(n))
	if s.watch.meter != nil {
		s.watch.meter.sent.Add(int64(n))
	}
	return n, err
}

// receiving is the body of an answer that is watched while somebody reads it.
type receiving struct {
	io.ReadCloser
	ctx     context.Context
	watch   *watch
	stalled func()
}

func (r *receiving) Read(p []byte) (int, error) {
	r.watch.idle.Store(0)
	r.watch.ours.Add(-1)
	n, err := r.ReadCloser.Read(p[:min(len(p), limit.DownPiece())])
	r.watch.ours.Add(1)
	r.watch.moved.Add(int64(n))
	if cause := context.Cause(r.ctx); err != nil && err != io.EOF && IsStall(cause) {
		err = cause
		r.stalled()
	}
	return n, err
}

func (r *receiving) Close() error {
	r.watch.end()
	return r.ReadCloser.Close()
}

// watching does a request that is cancelled when it makes no progress for so long, or less
// than floor. stalled hears of an answer that was cancelled while it was read.
func watching(request *http.Request, limit time.Duration, floor pace, stalled func(), do func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(request.Context())
	w := &watch{cancel: cancel, ticks: int64(limit / tick), floor: floor, meter: meterOf(ctx)}
	traced := Narrow(ctx)
	if request.ContentLength > little {
		traced = httptrace.WithClientTrace(traced, &httptrace.ClientTrace{
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
	w.meter.end(request.ContentLength, err == nil && answer.StatusCode < 300)
	if err != nil {
		if IsStall(context.Cause(ctx)) {
			at := request.URL.Scheme + "://" + request.URL.Host
			err = &url.Error{Op: request.Method, URL: at, Err: context.Cause(ctx)}
		}
		w.end()
		return answer, err
	}
	// From here on it is watched only while it is read.
	w.ours.Add(1)
	answer.Body = &receiving{answer.Body, ctx, w, stalled}
	return answer, nil
}
