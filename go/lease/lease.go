// Package lease holds back what changes the remote while it is not known whether this
// run still has the lock there. A machine that slept, or was offline, for long may have
// been taken for one that is gone, and what it sends would replace what another one has
// saved since. Rust takes the lock and stores it again; here is until when that counts.
package lease

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrLost says that another machine may have the lock.
var ErrLost = errors.New("this run was away for so long that it lost the lock on the remote")

var (
	mu      sync.Mutex
	until   time.Time // zero: there is no lock
	lost    bool
	changed = make(chan struct{})
)

// Until says until when the lock counts, by the clock on the wall: others stop while
// the machine sleeps. The zero time ends the lock.
func Until(t time.Time) {
	set(t.Round(0), false)
}

// Lose says that the lock is gone.
func Lose() {
	set(time.Time{}, true)
}

func set(t time.Time, gone bool) {
	mu.Lock()
	defer mu.Unlock()
	until, lost = t, gone
	close(changed)
	changed = make(chan struct{})
}

// Err is ErrLost once the lock is gone.
func Err() error {
	mu.Lock()
	defer mu.Unlock()
	if lost {
		return ErrLost
	}
	return nil
}

// Await returns at once while the lock counts, or where there is none. Otherwise it waits
// until that is known.
func Await(ctx context.Context) error {
	for {
		mu.Lock()
		is, gone, next := until, lost, changed
		mu.Unlock()
		if gone {
			return ErrLost
		}
		if is.IsZero() || time.Now().Round(0).Before(is) {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
