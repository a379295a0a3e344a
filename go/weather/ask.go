package weather

import (
	"context"
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Before it is asked, and from one question to the next.
const (
	triesUntilAsked = 3
	betweenAsked    = time.Second
)

// questions of one server: whether it works at all while some requests fail.
type questions struct {
	ask func(ctx context.Context, bucket string) error
	at  time.Time
}

// askBy lets the server be asked by HEAD of a bucket, once and with whatever answer.
func (w *Weather) askBy(client *s3.Client) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.questions.ask = func(ctx context.Context, bucket string) error {
		_, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket}, func(o *s3.Options) {
			o.RetryMaxAttempts = 1
		})
		return err
	}
}

// doubt finds out whether the server fails at this request alone, when no other request
// is there to show it: one name may be too much for it, and all else has arrived. A good
// answer lets the request count its failures; it does not put off the verdict, since
// a server that takes nothing any more may still answer that it is there.
func (w *Weather) doubt(ctx context.Context, a *attempts, kind Kind) {
	w.mu.Lock()
	ask, now := w.questions.ask, time.Now()
	due := kind == Broken && a.tries > triesUntilAsked && a.bucket != "" && ask != nil &&
		w.verdict == nil && now.Sub(w.questions.at) >= betweenAsked
	if due {
		w.questions.at = now
	}
	w.mu.Unlock()
	if !due {
		return
	}
	ctx, done := context.WithTimeout(ctx, firstPatience)
	defer done()
	if kind := KindOf(ask(ctx, a.bucket)); kind == Fine || kind == Final {
		w.mu.Lock()
		w.good++
		w.mu.Unlock()
	}
}

// bucketOf is the bucket that a request to S3 is about.
func bucketOf(input any) string {
	value := reflect.Indirect(reflect.ValueOf(input))
	if value.Kind() != reflect.Struct {
		return ""
	}
	if field := value.FieldByName("Bucket"); field.IsValid() {
		if bucket, ok := field.Interface().(*string); ok && bucket != nil {
			return *bucket
		}
	}
	return ""
}
