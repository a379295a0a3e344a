// Package limit keeps what poof sends and receives below a rate that the user sets.
//
// rclone asks a bucket of tokens for each read and each write of a connection, whatever
// the backend (fs/fshttp). Its own bucket has two faults here: a burst of 4 MiB, which is
// eight seconds at 512 KiB/s, and a lock that is held while somebody waits, so that no
// limit can be changed meanwhile. So the buckets in it are ours. A disk has no
// connection: there, Reader and Writer ask.
package limit

import (
	"context"
	"errors"
	"io"
	"math"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/accounting"
	"golang.org/x/time/rate"
)

const (
	// The most that one read or write of a connection has, and what may pass at once after
	// a pause.
	burst = 256 << 10
	// What there is at the beginning: small requests wait for nothing.
	begin = 64 << 10
	// Of a rate, what one request takes at a time: all of them wait in one queue, and it
	// shall be short for who comes with little.
	share = 128
	// A piece that is neither too small for a packet nor larger than rclone's.
	smallest, largest = 1 << 10, 32 << 10
	// How many seconds of the rate are in the queue at most.
	queued = 2
)

var (
	up   = rate.NewLimiter(rate.Inf, burst)
	down = rate.NewLimiter(rate.Inf, burst)
)

var now struct {
	sync.Mutex
	table   fs.BwTimetable
	pair    fs.BwPair
	ticking bool
}

func init() {
	now.pair = fs.BwPair{Tx: -1, Rx: -1}
}

// Install has the connections of rclone ask our buckets. It must run before the first of
// them. false: rclone has changed, and TestTheBucketsAreOurs says so.
func Install() bool {
	field := reflect.ValueOf(&accounting.TokenBucket).Elem().FieldByName("curr")
	want := reflect.ArrayOf(int(accounting.TokenBucketSlots), reflect.TypeFor[*rate.Limiter]())
	if !field.IsValid() || !field.Type().ConvertibleTo(want) {
		return false
	}
	slots := (*[accounting.TokenBucketSlots]*rate.Limiter)(unsafe.Pointer(field.UnsafeAddr()))
	slots[accounting.TokenBucketSlotTransportTx] = up
	slots[accounting.TokenBucketSlotTransportRx] = down
	return true
}

// OfDisk is what rclone's accounted readers ask while it copies from one disk to
// another itself, where no connection does; nil: nothing.
func OfDisk(of *rate.Limiter) {
	field := reflect.ValueOf(&accounting.TokenBucket).Elem().FieldByName("curr")
	slots := (*[accounting.TokenBucketSlots]*rate.Limiter)(unsafe.Pointer(field.UnsafeAddr()))
	slots[accounting.TokenBucketSlotAccounting] = of
}

// Down is the bucket of what is received.
func Down() *rate.Limiter { return down }

// Parse reads a rate or a timetable as rclone does. The empty text is no limit.
func Parse(text string) (fs.BwTimetable, error) {
	var table fs.BwTimetable
	if text == "" {
		return nil, nil
	}
	if err := table.Set(text); err != nil {
		return nil, err
	}
	if len(table) == 0 {
		return nil, errors.New("there is no rate in it") // blanks alone
	}
	return table, nil
}

// Set makes a rate or a timetable the limit from now on.
func Set(text string) error {
	table, err := Parse(text)
	if err != nil {
		return err
	}
	now.Lock()
	defer now.Unlock()
	now.table = table
	obey(time.Now())
	if len(table) > 1 && !now.ticking {
		now.ticking = true
		go func() {
			for at := range time.Tick(time.Second) {
				now.Lock()
				obey(at)
				now.Unlock()
			}
		}()
	}
	return nil
}

// InForce is the limit of this moment.
func InForce() fs.BwPair {
	now.Lock()
	defer now.Unlock()
	obey(time.Now())
	return now.pair
}

// obey sets what the timetable says for a time. now is locked.
func obey(at time.Time) {
	pair := now.table.LimitAt(at).Bandwidth
	if pair == now.pair {
		return
	}
	now.pair = pair
	adjust(up, pair.Tx)
	adjust(down, pair.Rx)
}

func adjust(limiter *rate.Limiter, to fs.SizeSuffix) {
	before := limiter.Limit()
	ever.Store(ever.Load() || to > 0)
	if to <= 0 {
		limiter.SetLimit(rate.Inf)
		return
	}
	limiter.SetBurst(max(burst, 2*window(rate.Limit(to))))
	limiter.SetLimit(rate.Limit(to))
	if before == rate.Inf {
		// It is full, and would let that much pass at once.
		if spare := int(limiter.Tokens()) - begin; spare > 0 {
			limiter.AllowN(time.Now(), spare)
		}
	}
}

// piece is how much one request may take at a time.
func piece(limiter *rate.Limiter) int {
	limit := limiter.Limit()
	if limit == rate.Inf {
		return largest << 10
	}
	return int(min(max(limit/share, smallest), largest))
}

// UpPiece is how much one request may send at a time.
func UpPiece() int { return piece(up) }

// DownPiece is how much one request may receive at a time.
func DownPiece() int { return piece(down) }

// Abreast is how many requests may be under way at once: with more of them the queue would
// be so long that each looks as if it were dead. pieces tells whether they take UpPiece and
// DownPiece at a time, and not what rclone takes.
func Abreast(pieces bool) int {
	most := math.MaxInt
	for _, limiter := range []*rate.Limiter{up, down} {
		limit, each := limiter.Limit(), largest
		if limit == rate.Inf {
			continue
		}
		if pieces {
			each = piece(limiter)
		}
		most = min(most, max(int(queued*limit)/each, 4))
	}
	return most
}

// window is how much one connection may have received that nobody has read yet: what is in
// the buffers of the system has been on the line already.
func window(limit rate.Limit) int { return max(int(limit/16), 16<<10) }

// Window is how many bytes the system may buffer for a connection; 0: nobody has ever set a
// limit, and the system knows best.
func Window() int {
	limit := down.Limit()
	if limit == rate.Inf {
		if ever.Load() {
			return 1 << 20
		}
		return 0
	}
	return window(limit)
}

var ever atomic.Bool // a limit was set

var coming = struct {
	sync.Mutex
	bytes int64
	freed chan struct{}
}{freed: make(chan struct{})}

// Receive waits until another object of that size may be asked for over so many
// connections, so that all that were
// do not fill more buffers than half a second of the line does. done is to be called in the
// end.
func Receive(ctx context.Context, size int64, connections int) (done func(), err error) {
	for {
		limit := down.Limit()
		if limit == rate.Inf {
			return func() {}, nil
		}
		weight := min(size, int64(connections*window(limit)))
		coming.Lock()
		if coming.bytes == 0 || coming.bytes+weight <= max(int64(limit/2), 4*int64(window(0))) {
			coming.bytes += weight
			coming.Unlock()
			return func() {
				coming.Lock()
				defer coming.Unlock()
				coming.bytes -= weight
				close(coming.freed)
				coming.freed = make(chan struct{})
			}, nil
		}
		freed := coming.freed
		coming.Unlock()
		select {
		case <-freed:
		case <-time.After(time.Second): // there may be another limit
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Up has what is read from in wait for the bucket of what is sent.
func Up(ctx context.Context, in io.Reader) io.Reader { return &reader{ctx, in, up} }

// DownFrom has what is read from in wait for the bucket of what is received.
func DownFrom(ctx context.Context, in io.ReadCloser) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{&reader{ctx, in, down}, in}
}

type reader struct {
	ctx     context.Context
	in      io.Reader
	limiter *rate.Limiter
}

func (r *reader) Read(p []byte) (int, error) {
	p = p[:min(len(p), piece(r.limiter))]
	n, err := r.in.Read(p)
	if n > 0 {
		if e := r.limiter.WaitN(r.ctx, n); e != nil {
			return 0, e
		}
	}
	return n, err
}
