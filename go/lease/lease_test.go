package lease

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestNothingWaitsWithoutALockOrWhileItCounts(t *testing.T) {
	defer Until(time.Time{})
	for _, until := range []time.Time{{}, time.Now().Add(time.Minute)} {
		Until(until)
		if err := Await(t.Context()); err != nil {
			t.Error(until, err)
		}
	}
}

func TestWhatIsTooLateWaitsUntilTheLockIsStoredAgain(t *testing.T) {
	defer Until(time.Time{})
	Until(time.Now().Add(-time.Second))
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := Await(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Error("it did not wait:", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { Until(time.Now().Add(time.Minute)) })
	if err := Await(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhatWaitsFailsOnceTheLockIsGone(t *testing.T) {
	defer Until(time.Time{})
	Until(time.Now().Add(-time.Second))
	time.AfterFunc(50*time.Millisecond, Lose)
	if err := Await(t.Context()); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
	if !errors.Is(Err(), ErrLost) {
		t.Error("it is not known afterwards")
	}
	Until(time.Now().Add(time.Minute))
	if Err() != nil {
		t.Error("a new lock does not count")
	}
}
