package weather

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// facing is a client of poof's in front of a server that does as it likes.
func facing(t *testing.T, serve http.HandlerFunc) *s3.Client {
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	plain := s3.New(s3.Options{
		BaseEndpoint: aws.String(server.URL), Region: "here", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", "token"),
		HTTPClient:  &http.Client{},
	})
	return Of(t.Name() + server.URL).Client(plain)
}

func TestAnAnswerWithoutAnEndIsBrokenOff(t *testing.T) {
	const much = 200 << 20
	for name, status := range map[string]int{"a page": 200, "an error": 400} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int64
			client := facing(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "<ListBucketResult>")
				block := []byte(strings.Repeat("<Contents></Contents>", 5000))
				for sent.Load() < much {
					n, err := w.Write(block)
					if sent.Add(int64(n)); err != nil {
						return
					}
				}
			})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := client.ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: aws.String("b")})
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error("it was taken for whole")
			}
			if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<30 || sent.Load() >= much {
				t.Errorf("%d bytes were taken, %d allocated for them", sent.Load(), taken)
			}
		})
	}
}

func TestAPageAsLongAsOneCanBeIsReadWhole(t *testing.T) {
	key := strings.Repeat("%01", 1023)
	client := facing(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "<ListBucketResult><EncodingType>url</EncodingType>")
		for i := range 1000 {
			_, _ = fmt.Fprintf(w, "<Contents><Key>%s%d</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&#34;0123456789abcdef0123456789abcdef&#34;</ETag><Size>%d</Size><StorageClass>STANDARD</StorageClass><Owner><ID>%s</ID></Owner></Contents>", key, i, i, strings.Repeat("f", 64))
		}
		_, _ = io.WriteString(w, "</ListBucketResult>")
	})
	page, err := client.ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: aws.String("b")})
	if err != nil || len(page.Contents) != 1000 {
		t.Fatal(err)
	}
}

func TestAListingThatGoesInACircleEnds(t *testing.T) {
	for name, next := range map[string]func(n int64) string{
		"the same":   func(int64) string { return "<NextContinuationToken>again</NextContinuationToken>" },
		"in a round": func(n int64) string { return fmt.Sprintf("<NextContinuationToken>%d</NextContinuationToken>", n%7) },
		"nowhere":    func(int64) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			client := facing(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, "<ListBucketResult><IsTruncated>true</IsTruncated>"+next(asked.Add(1))+"<Contents><Key>k</Key></Contents></ListBucketResult>")
			})
			request := &s3.ListObjectsV2Input{Bucket: aws.String("b")}
			for asked.Load() < 5000 {
				page, err := client.ListObjectsV2(context.Background(), request)
				if err != nil {
					return
				}
				request.ContinuationToken = page.NextContinuationToken
			}
			t.Error("nobody noticed")
		})
	}
}

func TestAListingOfManyPagesIsNoCircle(t *testing.T) {
	var asked atomic.Int64
	client := facing(t, func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		_, _ = fmt.Fprintf(w, "<ListBucketResult><IsTruncated>%v</IsTruncated><NextContinuationToken>%d</NextContinuationToken></ListBucketResult>", n%150 != 0, n%150)
	})
	for round := range mostRepeats / 20 {
		request := &s3.ListObjectsV2Input{Bucket: aws.String("b")}
		for {
			page, err := client.ListObjectsV2(context.Background(), request)
			if err != nil {
				t.Fatal(round, err)
			}
			if !aws.ToBool(page.IsTruncated) {
				break
			}
			request.ContinuationToken = page.NextContinuationToken
		}
	}
}

func TestNoRequestFollowsARedirectToAnotherServer(t *testing.T) {
	var reached atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Logf("%s %s %v", r.Method, r.URL, r.Header)
		reached.Add(1)
	}))
	t.Cleanup(elsewhere.Close)
	bucket, key := aws.String("b"), aws.String("k")
	ctx, done := context.WithTimeout(context.Background(), time.Minute)
	defer done()
	for _, status := range []int{301, 302, 303, 307, 308} {
		client := facing(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Location", elsewhere.URL+"/delete-everything")
			w.WriteHeader(status)
		})
		for name, do := range map[string]func() error{
			"get": func() error {
				_, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
				return err
			},
			"head": func() error {
				_, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: key})
				return err
			},
			"list": func() error {
				_, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket})
				return err
			},
			"put": func() error {
				_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("content")})
				return err
			},
			"delete": func() error {
				_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key})
				return err
			},
			"complete": func() error {
				_, err := client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
					Bucket: bucket, Key: key, UploadId: aws.String("u"), MultipartUpload: &types.CompletedMultipartUpload{},
				})
				return err
			},
		} {
			if err := do(); err == nil {
				t.Errorf("%d: %s took the redirect for success", status, name)
			}
		}
	}
	if n := reached.Load(); n > 0 {
		t.Errorf("the other server was asked %d times", n)
	}
}

func TestARedirectOnTheSameServerIsFollowed(t *testing.T) {
	client := facing(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "there") {
			http.Redirect(w, r, "/b/there", http.StatusTemporaryRedirect)
		}
	})
	_, err := client.GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if err != nil || errors.Is(err, ErrEndless) {
		t.Fatal(err)
	}
}

func TestAListingThatInventsNamesEnds(t *testing.T) {
	names, memory := MostNames, MostMemory
	t.Cleanup(func() { MostNames, MostMemory = names, memory })
	if names < 20_000_000 || memory < 500<<20 {
		t.Errorf("%d names, %d bytes: an honest bucket may have as many", names, memory)
	}
	for what, bound := range map[string][2]int64{"many": {5000, 1 << 40}, "long": {1 << 40, 5000 * 800}} {
		MostNames, MostMemory = bound[0], bound[1]
		for kind, entry := range map[string]string{
			"objects":     "<Contents><Key>%s%d</Key></Contents>",
			"directories": "<CommonPrefixes><Prefix>%s%d/</Prefix></CommonPrefixes>",
		} {
			var listed atomic.Int64
			client := facing(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = fmt.Fprintf(w, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>", listed.Load())
				for range 1000 {
					_, _ = fmt.Fprintf(w, entry, strings.Repeat("n", 700), listed.Add(1))
				}
				_, _ = io.WriteString(w, "</ListBucketResult>")
			})
			request := &s3.ListObjectsV2Input{Bucket: aws.String("b")}
			var err error
			for err == nil && listed.Load() < 50_000 {
				var page *s3.ListObjectsV2Output
				if page, err = client.ListObjectsV2(context.Background(), request); err == nil {
					request.ContinuationToken = page.NextContinuationToken
				}
			}
			if !errors.Is(err, ErrEndless) || listed.Load() < 5000 {
				t.Errorf("%s %s: after %d: %v", what, kind, listed.Load(), err)
			}
		}
	}
}
