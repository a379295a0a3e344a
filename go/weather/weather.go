// Package weather takes a run through what a network and a server do to it: errors
// that pass, connections that break, requests that hang, a network that is away.
//
// What is tried again is one request. All requests of a run share what they learn:
// how many may be under way, since when nobody answers, and when to give up.
package weather

import (
	"context"
	"errors"
	"sync"
	"time"
)

// How long a run goes on without a single good answer. A time without any event
// counts no more than one step, since the machine may have slept.
const (
	firstSilence = 6500 * time.Millisecond // nobody has answered yet at all
	onlyErrors   = 40 * time.Second        // somebody answers, with errors and nothing else
	longestStep  = 30 * time.Second
	// A port that is closed and a name that does not exist answer at once.
	firstRefusals = 4
	firstRefused  = 1500 * time.Millisecond
)

// How many requests may be under way at once.
const (
	widest    = 512
	narrowest = 8
)

// Of a request that fails while others do not.
const (
	mostBusy   = 30
	mostBroken = 8
	mostStalls = 3
)

// Notices after which it is said that a run waits.
const untilSaid = 3 * time.Second

// ErrGivenUp is part of the error of a request that failed as often as it may.
var ErrGivenUp = errors.New("it was tried again and again")

// Verdict says that a run has waited long enough.
type Verdict struct {
	Answered bool  // there were answers, and all of them errors
	Cause    error // the last of them
}

func (v *Verdict) Error() string { return v.Cause.Error() }

func (v *Verdict) Unwrap() error { return v.Cause }

var patience = struct {
	sync.Mutex
	time.Duration
}{Duration: 15 * time.Minute}

// SetPatience sets how long a run waits for a network that is away.
func SetPatience(d time.Duration) {
	patience.Lock()
	defer patience.Unlock()
	patience.Duration = d
}

func patienceNow() time.Duration {
	patience.Lock()
	defer patience.Unlock()
	return patience.Duration
}

// Weather is what the requests to one server share.
type Weather struct {
	mu      sync.Mutex
	verdict *Verdict
	given   time.Time

	good     uint64    // answers that were none of the weather's
	bad      uint64    // the others
	last     time.Time // of any event
	silent   time.Duration
	failing  time.Duration
	refusals int
	since    time.Time // of the first failure after the last good answer
	now      Kind      // of the last failure

	limit    float64
	calm     float64 // up to here the limit grows fast
	narrowed time.Time
	under    int
	asleep   int       // requests that are to be made again
	pause    time.Time // the server asks for none before
	questions
	freed chan struct{}
}

var all struct {
	sync.Mutex
	of map[string]*Weather
}

// Of returns the weather at the server of that name.
func Of(name string) *Weather {
	all.Lock()
	defer all.Unlock()
	w := all.of[name]
	if w == nil {
		if all.of == nil {
			all.of = map[string]*Weather{}
		}
		w = &Weather{limit: widest / 2, calm: widest / 2, freed: make(chan struct{})}
		all.of[name] = w
	}
	return w
}

// Waiting tells for how long nothing has come through, and whether it is the
// server that answers with errors; zero if all is well.
func Waiting() (longest time.Duration, answered bool) {
	all.Lock()
	defer all.Unlock()
	for _, w := range all.of {
		w.mu.Lock()
		// A first contact without an answer has its verdict soon.
		known := w.good > 0 || w.now != Silent
		if known && !w.since.IsZero() && w.verdict == nil && w.under+w.asleep > 0 {
			if d := time.Since(w.since); d >= untilSaid && d > longest {
				longest, answered = d, w.now != Silent
			}
		}
		w.mu.Unlock()
	}
	return longest, answered
}

// Verdict is what ended the run, or nil.
func (w *Weather) Verdict() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.verdict == nil {
		return nil
	}
	return w.verdict
}

// standing is the verdict, for somebody who comes now.
func (w *Weather) standing() error {
	w.mu.Lock()
	w.forget()
	w.mu.Unlock()
	return w.Verdict()
}

// Met tells whether anybody has ever answered as it should.
func (w *Weather) Met() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.good > 0
}

// Failures counts what the weather has kept from working.
func (w *Weather) Failures() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bad
}

// enter waits for a place among the requests that are under way, of which there are no more
// than most.
func (w *Weather) enter(ctx context.Context, most int) error {
	for {
		w.mu.Lock()
		w.forget()
		if w.verdict != nil {
			w.mu.Unlock()
			return w.verdict
		}
		if w.last.IsZero() {
			w.last = time.Now()
		}
		wait := time.Until(w.pause)
		if wait <= 0 && w.under < min(int(w.limit), most) {
			w.under++
			w.mu.Unlock()
			return nil
		}
		freed := w.freed
		w.mu.Unlock()
		if wait <= 0 {
			wait = time.Hour
		}
		timer := time.NewTimer(wait)
		select {
		case <-freed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
	}
}

// forget lets somebody try who comes back some time later to a remote that has never answered, as
// a scheduled run does that waits for the network. All who had asked know the verdict.
func (w *Weather) forget() {
	if w.verdict != nil && !w.verdict.Answered && w.good == 0 && w.under+w.asleep == 0 &&
		time.Since(w.given) > time.Second {
		w.verdict, w.silent, w.refusals = nil, 0, 0
		w.since, w.last = time.Time{}, time.Time{}
	}
}

func (w *Weather) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.under--
	w.wake()
}

func (w *Weather) wake() {
	close(w.freed)
	w.freed = make(chan struct{})
}

// see takes note of how a request ended.
func (w *Weather) see(kind Kind, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	step := time.Duration(0)
	if !w.last.IsZero() {
		step = min(now.Sub(w.last), longestStep)
	}
	w.last = now
	if kind == Fine {
		w.good++
		w.silent, w.failing, w.refusals, w.since = 0, 0, 0, time.Time{}
		if w.limit < w.calm {
			w.limit++
		} else {
			w.limit = min(w.limit+2/w.limit, widest)
		}
		return
	}
	w.now = kind
	w.bad++
	if w.since.IsZero() {
		w.since = now.Add(-step)
	}
	switch kind {
	case Silent:
		w.silent += step
		if refusedAtOnce(err) {
			w.refusals++
		}
		w.narrow(now, 0.9, w.calm)
	default:
		w.silent = 0
		w.failing += step
		w.narrow(now, 0.7, w.limit*0.7)
	}
	first := w.good == 0 && w.failing == 0
	switch {
	case w.verdict != nil:
	case first && (w.silent >= firstSilence || w.refusals >= firstRefusals && w.silent >= firstRefused),
		w.silent >= patienceNow():
		w.verdict, w.given = &Verdict{Answered: false, Cause: err}, now
		w.wake()
	case w.failing >= onlyErrors:
		w.verdict = &Verdict{Answered: true, Cause: err}
		w.wake()
	}
}

// narrow lets fewer requests be under way, once for all that were when the first of
// them failed.
func (w *Weather) narrow(now time.Time, by, calm float64) {
	if now.Sub(w.narrowed) < 100*time.Millisecond {
		return
	}
	w.narrowed = now
	w.limit = max(min(w.limit, float64(w.under+1))*by, narrowest)
	w.calm = max(calm, narrowest)
}

// obey lets no request begin before the server wants it.
func (w *Weather) obey(after time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if until := time.Now().Add(after); until.After(w.pause) {
		w.pause = until
	}
}
