package calls

import (
	"context"
	"runtime/debug"
	"testing"
)

func TestTheLimitFollowsTheContentThatIsOnItsWay(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	LimitMemory()
	b := newBudget(100 << 20)
	if err := b.take(context.Background(), 80<<20); err != nil {
		t.Fatal(err)
	}
	if limit := debug.SetMemoryLimit(-1); limit < 80<<20+besides {
		t.Errorf("with 80 MiB on their way Go may hold %d bytes", limit)
	}
	b.give(80 << 20)
	if limit := debug.SetMemoryLimit(-1); limit > besides+2*step {
		t.Errorf("with nothing on its way Go may hold %d bytes", limit)
	}
}
