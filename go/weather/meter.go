package weather

import (
	"context"
	"sync"
	"sync/atomic"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
)

type meterKey struct{}

// Metered has tell hear how many bytes of objects the server has taken of all requests with
// this context; what of them it turns out not to have counts as less than nothing.
func Metered(ctx context.Context, tell func(bytes int64)) context.Context {
	return context.WithValue(ctx, meterKey{}, tell)
}

// meter follows the body of one request. What was written is not yet there: it waits in the
// queue of the connection until the other side confirms it.
type meter struct {
	sync.Mutex
	tell func(int64)
	sent atomic.Int64 // read for the connection
	told int64
}

// ofTransport is what http.Transport has read of a body and not written yet: a piece of
// io.Copy, and its own buffer.
const ofTransport = 36 << 10

// meterOf is nil where nobody wants to know, or nothing of an object is sent.
func meterOf(ctx context.Context) *meter {
	tell, _ := ctx.Value(meterKey{}).(func(int64))
	switch operation := awsmiddleware.GetOperationName(ctx); {
	case tell == nil, operation != "PutObject" && operation != "UploadPart":
		return nil
	}
	return &meter{tell: tell}
}

// look tells what is new, where so many bytes are in the queue.
func (m *meter) look(queue int) {
	if m == nil || queue < 0 {
		return
	}
	m.Lock()
	defer m.Unlock()
	there := m.sent.Load() - int64(queue) - ofTransport
	if m.tell != nil && there > m.told {
		m.tell(there - m.told)
		m.told = there
	}
}

// end settles the account: the server has all of the body, or none.
func (m *meter) end(all int64, has bool) {
	if m == nil {
		return
	}
	m.Lock()
	defer m.Unlock()
	if !has {
		all = 0
	}
	m.tell(all - m.told)
	m.tell = nil
}
