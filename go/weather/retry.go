package weather

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"bridge/limit"
)

// attempts is how one request has fared.
type attempts struct {
	tries  int
	count  int // of those that failed while others did not
	stalls int
	skews  int    // of the clocks
	good   uint64 // answers to others, up to its last failure
	bucket string // that it is about
}

func (w *Weather) begin() *attempts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &attempts{good: w.good}
}

// again tells whether a request that failed is tried once more, and after what time.
func (w *Weather) again(a *attempts, kind Kind, err error) (time.Duration, error) {
	if kind == Fine || kind == Final || errors.Is(err, ErrGivenUp) {
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.verdict != nil {
		return 0, w.verdict
	}
	a.tries++
	others := w.good > a.good
	if a.good = w.good; others {
		a.count++
	}
	most := mostBroken
	if kind == Busy {
		most = mostBusy
	}
	// While nobody fares better it is for the verdict on all of them.
	if others && (a.count >= most || a.stalls >= mostStalls) {
		return 0, fmt.Errorf("%w (%w)", err, ErrGivenUp)
	}
	longest := 2 * time.Second
	delay := min(50*time.Millisecond<<min(a.tries-1, 10), longest)
	return delay/2 + rand.N(delay/2), nil
}

// Retry does something that is more than one request, or not one of S3, until it
// works or the weather will not let it. count says that nobody else counts its requests.
// Of a disk there is no weather, and w is nil.
func (w *Weather) Retry(ctx context.Context, count bool, do func(ctx context.Context) error) error {
	if w == nil {
		return do(ctx)
	}
	a := w.begin()
	for {
		err := w.once(context.WithValue(ctx, wholeKey{}, a), count, do)
		kind := KindOf(err)
		if kind == Fine || kind == Final || ctx.Err() != nil {
			return err
		}
		var stall *Stall
		if errors.As(err, &stall) {
			a.stalls++
		}
		delay, err := w.again(a, kind, err)
		if err != nil {
			return err
		}
		if err := w.sleep(ctx, delay); err != nil {
			return err
		}
		w.doubt(ctx, a, kind)
	}
}

// sleep waits before a request is made again.
func (w *Weather) sleep(ctx context.Context, delay time.Duration) error {
	w.mu.Lock()
	w.asleep++
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.asleep--
		w.mu.Unlock()
	}()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Weather) once(ctx context.Context, count bool, do func(ctx context.Context) error) error {
	if count {
		if err := w.enter(ctx, limit.Abreast(false)); err != nil {
			return err
		}
		defer w.leave()
	} else if err := w.standing(); err != nil {
		return err
	}
	err := do(ctx)
	if kind := KindOf(err); kind != Fine && kind != Final {
		w.see(kind, err)
	} else if count && !errors.Is(err, context.Canceled) {
		w.see(Fine, nil)
	}
	return err
}
