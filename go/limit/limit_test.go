package limit

import (
	"bytes"
	"context"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/accounting"
	"golang.org/x/time/rate"
)

func TestTheBucketsAreOurs(t *testing.T) {
	if !Install() {
		t.Fatal("rclone keeps its buckets elsewhere")
	}
	if err := Set("1M:64k"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = Set("") }()
	slots := reflect.ValueOf(&accounting.TokenBucket).Elem().FieldByName("curr")
	at := func(slot accounting.TokenBucketSlot) uintptr { return slots.Index(int(slot)).Pointer() }
	if at(accounting.TokenBucketSlotTransportTx) != reflect.ValueOf(up).Pointer() ||
		at(accounting.TokenBucketSlotTransportRx) != reflect.ValueOf(down).Pointer() ||
		at(accounting.TokenBucketSlotAccounting) != 0 {
		t.Error("others are asked")
	}
	begun := time.Now()
	for range 4 {
		accounting.TokenBucket.LimitBandwidth(accounting.TokenBucketSlotTransportTx, 128<<10)
	}
	accounting.TokenBucket.LimitBandwidth(accounting.TokenBucketSlotTransportRx, 16<<10)
	if took := time.Since(begun); took < 400*time.Millisecond || took > 700*time.Millisecond {
		t.Errorf("512 KiB at 1 MiB a second took %v", took)
	}
}

func TestATimetableTurnsOver(t *testing.T) {
	table, err := Parse("08:00,512k 19:00,10M:1M 23:00,off")
	if err != nil {
		t.Fatal(err)
	}
	now.Lock()
	defer now.Unlock()
	now.table = table
	defer func() { now.table = nil; obey(time.Now()) }()
	for clock, want := range map[string][2]rate.Limit{
		"03:00": {rate.Inf, rate.Inf}, "08:00": {512 << 10, 512 << 10}, "18:59": {512 << 10, 512 << 10},
		"19:00": {10 << 20, 1 << 20}, "23:00": {rate.Inf, rate.Inf},
	} {
		at, _ := time.ParseInLocation("2006-01-02 15:04", "2026-11-29 "+clock, time.Local)
		obey(at)
		if got := [2]rate.Limit{up.Limit(), down.Limit()}; got != want {
			t.Errorf("at %s: %v", clock, got)
		}
	}
}

func TestWhatIsNoRateIsRefused(t *testing.T) {
	for _, text := range []string{" ", "fast", "-1M", "25:00,1M", "8:00,1M", "1M 2M", "1M:2M:3M", "08:00,1M 09:00"} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q is a rate", text)
		}
	}
	for _, text := range []string{"", "off", "512", "10M", "2M:off", "Mon-08:00,512k;Sat-00:00,off"} {
		if _, err := Parse(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestADiskObeysAndALineThatGetsFasterIsFaster(t *testing.T) {
	defer func() { _ = Set("") }()
	for _, way := range []func(io.Reader) io.Reader{
		func(in io.Reader) io.Reader { return Up(context.Background(), in) },
		func(in io.Reader) io.Reader { return DownFrom(context.Background(), io.NopCloser(in)) },
	} {
		if err := Set("1M"); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		n, err := io.Copy(io.Discard, way(bytes.NewReader(make([]byte, 1<<20))))
		took := time.Since(begun)
		if err != nil || n != 1<<20 || took < 850*time.Millisecond || took > 1100*time.Millisecond {
			t.Errorf("1 MiB at 1 MiB a second: %d bytes, %v, %v", n, err, took)
		}
		go func() {
			time.Sleep(200 * time.Millisecond)
			_ = Set("off")
		}()
		begun = time.Now()
		if _, err := io.Copy(io.Discard, way(bytes.NewReader(make([]byte, 4<<20)))); err != nil || time.Since(begun) > time.Second {
			t.Errorf("it did not get faster: %v, %v", err, time.Since(begun))
		}
	}
}

func TestTheQueueIsShortWhateverTheRate(t *testing.T) {
	defer func() { _ = Set("") }()
	for _, text := range []string{"2k", "10k", "64k", "512k", "2M", "100M"} {
		if err := Set(text); err != nil {
			t.Fatal(err)
		}
		each, most := UpPiece(), Abreast(true)
		var size fs.SizeSuffix
		_ = size.Set(text)
		if wait := float64(each*most) / float64(size); wait > 2.1 || most < 4 {
			t.Errorf("%s: %d requests with %d bytes each wait %.1f s", text, most, each, wait)
		}
	}
}
