package weather

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"bridge/lease"
	"bridge/limit"
)

// How long a request may make no progress.
const (
	firstPatience = 4 * time.Second // nobody has answered yet
	usualPatience = 15 * time.Second
	// A server may have to put together or copy gigabytes.
	longPatience = 2 * time.Minute
)

// What a request carries at most that is none of a large file.
const little = 64 << 10

// The longest that a server may ask for.
const longestPause = 20 * time.Second

// Client is client with every request of it tried again as long as that makes sense.
func (w *Weather) Client(client *s3.Client) *s3.Client {
	w.askBy(client)
	listings := &pages{}
	return s3.New(client.Options(), func(o *s3.Options) {
		o.HTTPClient = &sender{next: staying(o.HTTPClient), weather: w}
		// It would add a limit of its own to the retryer.
		o.RetryMaxAttempts = 0
		o.Retryer = retryer{w}
		o.APIOptions = append(o.APIOptions, listings.add, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("PoofAttempts",
				func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
					a := w.begin()
					a.bucket = bucketOf(in.Parameters)
					if whole, ok := ctx.Value(wholeKey{}).(*attempts); ok {
						w.mu.Lock() // parts are sent side by side
						whole.bucket = a.bucket
						w.mu.Unlock()
					}
					return next.HandleInitialize(context.WithValue(ctx, attemptsKey{}, a), in)
				}), middleware.Before)
		})
	})
}

type attemptsKey struct{}

// wholeKey is the key of the attempts of something that is more than one request.
type wholeKey struct{}

// sender sends single requests.
type sender struct {
	next    s3.HTTPClient
	weather *Weather
}

func (s *sender) Do(request *http.Request) (*http.Response, error) {
	w, ctx := s.weather, request.Context()
	if request.Method != http.MethodGet && request.Method != http.MethodHead {
		// Also before it is tried again.
		if err := lease.Await(ctx); err != nil {
			return nil, err
		}
	}
	most := limit.Abreast(true)
	if request.ContentLength <= little {
		most = widest // the lock and the records wait for nobody
	}
	if err := w.enter(ctx, most); err != nil {
		return nil, err
	}
	defer w.leave()
	a, _ := ctx.Value(attemptsKey{}).(*attempts)
	limit, floor := usualPatience, slowest
	switch operation := awsmiddleware.GetOperationName(ctx); {
	case operation == "CompleteMultipartUpload", operation == "CopyObject", operation == "UploadPartCopy":
		limit, floor = longPatience, slowestLong
	case !w.Met():
		limit = firstPatience
	case a != nil:
		limit += time.Duration(a.stalls) * usualPatience
	}
	stalled := func() {
		if a != nil {
			a.stalls++
		}
	}
	answer, err := watching(request, limit, floor, stalled, s.next.Do)
	if ctx.Err() != nil {
		return answer, err // the weather had no part in it
	}
	if err != nil {
		if IsStall(err) {
			stalled()
		}
		w.see(KindOf(err).unlessFinal(), err)
		return answer, err
	}
	bounded(request, answer)
	switch kind := kindOfStatus(answer.StatusCode); kind {
	case Busy, Broken:
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
			w.obey(min(time.Duration(seconds)*time.Second, longestPause))
		}
		w.see(kind, &answered{answer.StatusCode})
	default:
		w.see(Fine, nil)
	}
	return answer, nil
}

// unlessFinal is Fine for what says nothing about the weather.
func (k Kind) unlessFinal() Kind {
	if k == Final {
		return Fine
	}
	return k
}

// answered is an answer that is an error, of which more is not read here.
type answered struct{ status int }

func (a *answered) Error() string {
	return strconv.Itoa(a.status) + " " + http.StatusText(a.status)
}

// HTTPStatusCode is how others find it.
func (a *answered) HTTPStatusCode() int { return a.status }

// retryer tells the client of S3 when to try again.
type retryer struct{ weather *Weather }

var _ aws.RetryerV2 = retryer{}

func (r retryer) IsErrorRetryable(err error) bool {
	kind := KindOf(err)
	return kind != Fine && kind != Final || isSkew(err)
}

// isSkew tells whether the client has learnt from the answer what time it is there.
func isSkew(err error) bool {
	var skew interface{ RetryableError() bool }
	return KindOf(err) == Final && errors.As(err, &skew) && skew.RetryableError()
}

// MaxAttempts is no limit.
func (retryer) MaxAttempts() int { return 0 }

// RetryDelay is none: GetRetryToken has waited.
func (retryer) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

// GetRetryToken waits until the request may be tried again, or tells why it may not.
func (r retryer) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	a, _ := ctx.Value(attemptsKey{}).(*attempts)
	if a == nil {
		a = r.weather.begin()
	}
	if isSkew(err) && a.skews < 2 {
		a.skews++
		return nothing, nil
	}
	kind := KindOf(err)
	delay, err := r.weather.again(a, kind, err)
	if err != nil {
		return nothing, err
	}
	if err := r.weather.sleep(ctx, delay); err != nil {
		return nothing, err
	}
	r.weather.doubt(ctx, a, kind)
	return nothing, nil
}

func (retryer) GetInitialToken() func(error) error { return nothing }

func (retryer) GetAttemptToken(context.Context) (func(error) error, error) { return nothing, nil }

func nothing(error) error { return nil }
