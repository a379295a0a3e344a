package weather

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// hurried lets a minute pass in three seconds.
func hurried(t *testing.T) {
	usual, long := slowest, slowestLong
	slowest.during, slowestLong.during = 3*time.Second, 12*time.Second
	t.Cleanup(func() { slowest, slowestLong = usual, long })
}

// dripping sends text with a pause after each piece of it, until it is whole or nobody listens.
func dripping(w http.ResponseWriter, text string, piece int, pause time.Duration) {
	for text != "" {
		n := min(piece, len(text))
		if _, err := io.WriteString(w, text[:n]); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		text = text[n:]
		time.Sleep(pause)
	}
}

func TestALeastHasToGetAcross(t *testing.T) {
	hurried(t)
	for name, test := range map[string]func(*testing.T){
		"an answer that drips is given up and asked for again":    anAnswerThatDripsIsGivenUpAndAskedForAgain,
		"a line that is slow and honest is waited for":            aLineThatIsSlowAndHonestIsWaitedFor,
		"a server that puts an object together is given its time": aServerThatPutsAnObjectTogetherIsGivenItsTime,
		"who reads slowly is not taken for a dripping server":     whoReadsSlowlyIsNotTakenForADrippingServer,
		"a request that is taken drop by drop is given up":        aRequestThatIsTakenDropByDropIsGivenUp,
	} {
		t.Run(name, test)
	}
}

const onePage = "<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>"

func anAnswerThatDripsIsGivenUpAndAskedForAgain(t *testing.T) {
	t.Parallel()
	object := strings.Repeat("x", 3000)
	for name, ask := range map[string]func(context.Context, *s3.Client) error{
		"a page": func(ctx context.Context, client *s3.Client) error {
			page, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("b")})
			if err == nil && len(page.Contents) != 1 {
				return fmt.Errorf("%d names", len(page.Contents))
			}
			return err
		},
		"an object": func(ctx context.Context, client *s3.Client) error {
			reply, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
			if err != nil {
				return err
			}
			defer func() { _ = reply.Body.Close() }()
			_, err = io.Copy(io.Discard, reply.Body)
			if !IsStall(err) {
				return fmt.Errorf("%v is no stall", err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			client := facing(t, func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) > 1 {
					_, _ = io.WriteString(w, onePage)
					return
				}
				w.Header().Set("Content-Length", fmt.Sprint(len(object)))
				dripping(w, object, 1, 200*time.Millisecond)
			})
			ctx, done := context.WithTimeout(context.Background(), 20*time.Second)
			defer done()
			start := time.Now()
			if err := ask(ctx, client); err != nil {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
		})
	}
}

func aLineThatIsSlowAndHonestIsWaitedFor(t *testing.T) {
	t.Parallel()
	page := strings.Replace(onePage, "<Contents>", strings.Repeat(" ", 6*leastBytes)+"<Contents>", 1)
	var asked atomic.Int64
	client := facing(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		// Twice of what it has to be.
		dripping(w, page, leastBytes/6, 250*time.Millisecond)
	})
	reply, err := client.ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: aws.String("b")})
	if err != nil || len(reply.Contents) != 1 || asked.Load() != 1 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

// While it puts the parts together a server sends a space now and then.
func aServerThatPutsAnObjectTogetherIsGivenItsTime(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	client := facing(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.WriteString(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
		dripping(w, strings.Repeat(" ", 12), 1, 500*time.Millisecond)
		_, _ = io.WriteString(w, "<CompleteMultipartUploadResult><ETag>&#34;e-1&#34;</ETag></CompleteMultipartUploadResult>")
	})
	reply, err := client.CompleteMultipartUpload(context.Background(), &s3.CompleteMultipartUploadInput{
		Bucket: aws.String("b"), Key: aws.String("k"), UploadId: aws.String("u"),
	})
	if err != nil || aws.ToString(reply.ETag) == "" || asked.Load() != 1 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

// What this side takes its time for is nobody else's fault.
func whoReadsSlowlyIsNotTakenForADrippingServer(t *testing.T) {
	t.Parallel()
	client := facing(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 24))
	})
	reply, err := client.GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	for range 24 {
		if _, err := io.ReadFull(reply.Body, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// A server that takes a byte now and then keeps nobody for ever.
func aRequestThatIsTakenDropByDropIsGivenUp(t *testing.T) {
	t.Parallel()
	now := 4 << 20
	w := &watch{cancel: func(error) {}, ticks: 30, floor: slowest, queue: func() int { now -= 1; return now }}
	stalled := false
	w.cancel = func(err error) { stalled = IsStall(err) }
	for range 20 {
		w.look()
	}
	if !stalled {
		t.Error("it waits for ever")
	}
	fast := &watch{cancel: func(error) { t.Error("a line that gets on is given up") }, ticks: 30, floor: slowest,
		queue: func() int { now -= leastBytes / 4; return now }}
	for range 100 {
		fast.look()
	}
}

func TestWhatTheServerHasTakenIsToldWhileItComes(t *testing.T) {
	const size = 24 << 20
	var has atomic.Int64
	half, goOn := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, size/2)
		close(half)
		<-goOn
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/b/lost" {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer server.Close()
	client := Of("metered").Client(s3.New(s3.Options{
		BaseEndpoint: aws.String(server.URL), UsePathStyle: true, Region: "r",
		Credentials: aws.AnonymousCredentials{},
	}))
	put := func(key string) error {
		ctx := Metered(context.Background(), func(n int64) { has.Add(n) })
		_, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String("b"), Key: &key, Body: bytes.NewReader(make([]byte, size)),
		})
		return err
	}
	done := make(chan error)
	go func() { done <- put("k") }()
	<-half
	time.Sleep(3 * tick)
	// What is in the buffers of the server's system has been confirmed.
	if now := has.Load(); now < size/3 || now >= size {
		t.Errorf("%d of %d bytes are there after a half", now, int64(size))
	}
	close(goOn)
	if err := <-done; err != nil || has.Load() != size {
		t.Errorf("%d bytes in the end, %v", has.Load(), err)
	}
	has.Store(0)
	half = make(chan struct{})
	if err := put("lost"); err == nil || has.Load() != 0 {
		t.Errorf("%d bytes of what was refused, %v", has.Load(), err)
	}
}
