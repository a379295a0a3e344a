package weather

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

type status int

func (s status) Error() string       { return http.StatusText(int(s)) }
func (s status) HTTPStatusCode() int { return int(s) }

func TestWhatPassesIsToldFromWhatDoesNot(t *testing.T) {
	api := func(code string) error { return &smithy.GenericAPIError{Code: code} }
	send := func(err error) error { return &url.Error{Op: "Put", URL: "http://host/", Err: err} }
	for _, c := range []struct {
		err  error
		kind Kind
	}{
		{nil, Fine},
		{status(503), Busy}, {status(429), Busy}, {api("SlowDown"), Busy},
		{status(500), Broken}, {status(502), Broken}, {status(504), Broken}, {api("InternalError"), Broken},
		{status(403), Final}, {status(404), Final}, {status(412), Final}, {status(501), Final}, {status(507), Final},
		{api("XMinioStorageFull"), Final},
		{send(syscall.ECONNRESET), Silent}, {send(io.EOF), Silent}, {io.ErrUnexpectedEOF, Silent},
		{send(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), Silent}, {&Stall{}, Silent},
		{send(&net.DNSError{Name: "host"}), Silent},
		{context.Canceled, Final}, {errors.New("anything"), Final},
		{send(errors.New("server gave HTTP response to HTTPS client")), Final},
		{fmt.Errorf("%w (%w)", status(503), ErrGivenUp), Final},
		{&Verdict{Cause: status(503)}, Final},
	} {
		if kind := KindOf(c.err); kind != c.kind {
			t.Errorf("%v is of kind %v and not %v", c.err, kind, c.kind)
		}
	}
}

func TestAVerdictComesAfterErrorsAloneAndNotForATimeOfSleep(t *testing.T) {
	w := Of(t.Name())
	w.see(Fine, nil)
	w.see(Broken, status(500))
	w.last = w.last.Add(-time.Hour) // the machine slept
	w.see(Broken, status(500))
	if w.Verdict() != nil {
		t.Error("an hour of sleep counts as an hour of errors")
	}
	w.last = w.last.Add(-onlyErrors)
	w.see(Busy, status(503))
	var verdict *Verdict
	if !errors.As(w.Verdict(), &verdict) || !verdict.Answered || Status(verdict) != 503 {
		t.Errorf("the verdict is %v", w.Verdict())
	}
	if err := w.Retry(context.Background(), true, func(context.Context) error { return nil }); err == nil {
		t.Error("a request was made after the verdict")
	}
}

func Status(err error) int {
	var s status
	errors.As(err, &s)
	return int(s)
}

func TestAPortThatIsClosedHasItsVerdictAtOnceOnlyIfNobodyEverAnswered(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	w, known := Of(t.Name()), Of(t.Name()+" known")
	known.see(Fine, nil)
	for range firstRefusals {
		w.last = w.last.Add(-time.Second)
		known.last = known.last.Add(-time.Second)
		w.see(Silent, refused)
		known.see(Silent, refused)
	}
	if w.Verdict() == nil || known.Verdict() != nil {
		t.Errorf("%v and %v", w.Verdict(), known.Verdict())
	}
	w.given = w.given.Add(-time.Minute)
	if err := w.Retry(context.Background(), true, func(context.Context) error { return nil }); err != nil {
		t.Error("who comes back later is not let try:", err)
	}
}

func TestARequestThatAloneFailsIsGivenUpAndOneOfManyIsNot(t *testing.T) {
	w := Of(t.Name())
	a := w.begin()
	for range 3 * mostBroken {
		if _, err := w.again(a, Broken, status(500)); err != nil {
			t.Fatal(err)
		}
	}
	for try := range mostBroken {
		w.see(Fine, nil) // another one
		_, err := w.again(a, Broken, status(500))
		if last := try == mostBroken-1; errors.Is(err, ErrGivenUp) != last {
			t.Error(try, err)
		}
	}
}

func TestFewerAreUnderWayWhenTheServerWantsLessAndMoreAgainLater(t *testing.T) {
	w := Of(t.Name())
	w.under = 128
	for range 40 {
		w.narrowed = time.Time{}
		w.see(Busy, status(503))
	}
	if w.limit != narrowest {
		t.Errorf("%v at once", w.limit)
	}
	for range 5000 {
		w.see(Fine, nil)
	}
	if w.limit < 64 {
		t.Errorf("%v at once", w.limit)
	}
}

func TestARequestIsCancelledWhenItMakesNoProgressAndNotWhileItDoes(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		switch in.URL.Path {
		case "/slow":
			for range 5 {
				_, _ = io.WriteString(out, "x")
				out.(http.Flusher).Flush()
				time.Sleep(tick)
			}
		case "/half":
			_, _ = io.WriteString(out, "x")
			out.(http.Flusher).Flush()
			<-hang
		default:
			<-hang
		}
	}))
	defer server.Close()
	defer close(hang)
	get := func(path string) (string, error) {
		request, err := http.NewRequest(http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := watching(request, 2*tick, slowest, func() {}, http.DefaultClient.Do)
		if err != nil {
			return "", err
		}
		defer func() { _ = answer.Body.Close() }()
		body, err := io.ReadAll(answer.Body)
		return string(body), err
	}
	for _, path := range []string{"/hang", "/half"} {
		if _, err := get(path); !IsStall(err) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if body, err := get("/slow"); err != nil || body != strings.Repeat("x", 5) {
		t.Errorf("%q, %v", body, err)
	}
}

func TestTheServerIsAskedWhetherItFailsAtOneNameAlone(t *testing.T) {
	t.Parallel()
	asked, down := 0, false
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if in.Method == http.MethodHead && in.URL.Path == "/bucket" {
			if asked++; !down {
				out.WriteHeader(http.StatusForbidden)
				return
			}
		}
		out.WriteHeader(http.StatusInternalServerError)
	}))
	defer server.Close()
	w := Of(t.Name())
	client := w.Client(s3.New(s3.Options{
		BaseEndpoint: &server.URL, Region: "us-east-1", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	}))
	w.see(Fine, nil)
	bucket, key := "bucket", "bad"
	put := func() error {
		_, err := client.PutObject(context.Background(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("x")})
		return err
	}
	if err := put(); !errors.Is(err, ErrGivenUp) || w.Verdict() != nil || asked < mostBroken-1 {
		t.Errorf("%v, verdict %v, asked %d times", err, w.Verdict(), asked)
	}
	down = true
	w.failing = onlyErrors - 3*time.Second
	if err := put(); w.Verdict() == nil {
		t.Errorf("%v, and no verdict", err)
	}
}
