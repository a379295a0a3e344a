package calls

import (
	"context"
	"runtime/debug"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// besides is how much Go may hold besides the content that is on its way, in bytes,
// before it collects more often: a first backup of many small files makes garbage as
// fast as it sends. 20,000 files of a few bytes: 251 MiB in all without a limit, 160 MiB
// with this one.
const besides = 64 << 20

// step is by how much the content has to change for the limit to follow it.
const step = 8 << 20

var (
	content  atomic.Int64 // bytes that the budgets have given out
	reckoned atomic.Int64 // what the limit was set for
)

// LimitMemory sets the limit for the first time.
func LimitMemory() { debug.SetMemoryLimit(besides) }

// reckon lets the limit follow the content: beyond it Go would collect without end.
func reckon(bytes int64) {
	now := content.Add(bytes)
	if before := reckoned.Load(); max(now, before)-min(now, before) < step {
		return
	}
	reckoned.Store(now)
	debug.SetMemoryLimit(besides + now + now/4)
}

// many objects are so much garbage that it goes back to the system after they were listed:
// whoever reads the listing then sorts it, which takes memory of its own.
const many = 100_000

func giveBackAfter(listed int64) {
	if listed >= many {
		debug.FreeOSMemory()
	}
}

// budget is how many bytes of content may be in memory at a time.
type budget struct{ all *semaphore.Weighted }

func newBudget(bytes int64) budget { return budget{semaphore.NewWeighted(bytes)} }

func (b budget) take(ctx context.Context, bytes int64) error {
	err := b.all.Acquire(ctx, bytes)
	if err == nil {
		reckon(bytes)
	}
	return err
}

func (b budget) give(bytes int64) {
	b.all.Release(bytes)
	reckon(-bytes)
}
