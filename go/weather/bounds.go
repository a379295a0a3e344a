package weather

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
)

// What a server says beside the content of objects has an end, and leads nowhere else:
// who owns the bucket shall neither fill the memory here, nor keep a run for ever, nor
// send our requests to a server of their choice.

// A name has 1,024 bytes, each of which takes three in a page. A page has a thousand names,
// unless more are asked for. An error has a few words, or a page of HTML.
const (
	largestName  = 4 << 10
	usualPage    = 1000
	largestError = 256 << 10
	anythingElse = 1 << 20
)

// ErrEndless says that an answer, or a listing, does not end.
var ErrEndless = errors.New("the server's answer does not end")

// bounded is an answer without content that breaks off where none is so long.
func bounded(request *http.Request, answer *http.Response) {
	operation := awsmiddleware.GetOperationName(request.Context())
	if answer.Body == nil || operation == "GetObject" && answer.StatusCode < 300 {
		return // who reads content knows how long it is
	}
	keys, err := strconv.ParseInt(request.URL.Query().Get("max-keys"), 10, 32)
	if err != nil || keys < usualPage {
		keys = usualPage
	}
	limit := keys*largestName + anythingElse
	if answer.StatusCode >= 300 {
		limit = largestError
	}
	answer.Body = &boundedBody{answer.Body, limit}
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		// It may end just here.
		n, err := b.ReadCloser.Read(make([]byte, 1))
		if n > 0 {
			err = ErrEndless
		}
		return 0, err
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// staying is client, but it follows no redirect to another server: that one would get
// what was meant for this one, or, if it is one of this machine or its network, a request
// that somebody else has chosen. The redirect is then the answer.
func staying(client s3.HTTPClient) s3.HTTPClient {
	inner, ok := client.(*http.Client)
	if !ok {
		return client
	}
	stays := *inner
	before := inner.CheckRedirect
	stays.CheckRedirect = func(to *http.Request, via []*http.Request) error {
		from := via[0].URL
		safer := from.Scheme == "http" && to.URL.Scheme == "https" && strings.EqualFold(from.Hostname(), to.URL.Hostname())
		same := from.Scheme == to.URL.Scheme && strings.EqualFold(from.Host, to.URL.Host)
		switch {
		case !safer && !same:
			return http.ErrUseLastResponse
		case len(via) >= 5:
			return errors.New("it is redirected too often")
		case before != nil:
			return before(to, via)
		}
		return nil
	}
	return &stays
}

// A listing may be asked for twice at the same time, and a server may give pages without
// names, where much was deleted. But not so many.
const (
	mostRepeats = 100
	mostEmpty   = 10_000
)

// pages are the listings under way, by what is listed.
type pages struct {
	sync.Mutex
	seed maphash.Seed
	all  map[string]*listing
}

type listing struct {
	seen  map[uint64]uint8 // by the hash of where a page says the next one begins
	empty int
	names *Ration
}

// add has the listings of a client end.
func (p *pages) add(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("PoofPages",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (out middleware.InitializeOutput, data middleware.Metadata, err error) {
			out, data, err = next.HandleInitialize(ctx, in)
			if err != nil {
				return out, data, err
			}
			switch page := out.Result.(type) {
			case *s3.ListObjectsV2Output:
				asked, _ := in.Parameters.(*s3.ListObjectsV2Input)
				place := []*string{asked.Bucket, asked.Prefix, asked.Delimiter, asked.StartAfter}
				err = p.see(place, asked.ContinuationToken, page.NextContinuationToken, page.IsTruncated, page.Contents, page.CommonPrefixes)
				if err == nil && aws.ToBool(page.IsTruncated) && aws.ToString(page.NextContinuationToken) == "" {
					err = errors.New("a listing goes on, and the server does not say where")
				}
			case *s3.ListObjectsOutput:
				asked, _ := in.Parameters.(*s3.ListObjectsInput)
				next := page.NextMarker
				if n := len(page.Contents); aws.ToString(next) == "" && n > 0 {
					next = page.Contents[n-1].Key
				}
				place := []*string{asked.Bucket, asked.Prefix, asked.Delimiter}
				err = p.see(place, asked.Marker, next, page.IsTruncated, page.Contents, page.CommonPrefixes)
			}
			return out, data, err
		}), middleware.Before)
}

// see is ErrEndless once a listing goes in a circle, on and on without a name, or with more
// names than there can be.
func (p *pages) see(place []*string, from, next *string, truncated *bool, contents []types.Object, prefixes []types.CommonPrefix) error {
	var name strings.Builder
	for _, part := range place {
		name.WriteString(aws.ToString(part) + "\x00")
	}
	p.Lock()
	defer p.Unlock()
	if p.all == nil {
		p.all, p.seed = map[string]*listing{}, maphash.MakeSeed()
	}
	if !aws.ToBool(truncated) {
		delete(p.all, name.String())
		return nil
	}
	here := p.all[name.String()]
	if here == nil || aws.ToString(from) == "" {
		here = &listing{seen: map[uint64]uint8{}, names: NewRation()}
		p.all[name.String()] = here
	}
	hash := maphash.String(p.seed, aws.ToString(next))
	here.seen[hash]++
	if here.empty++; len(contents)+len(prefixes) > 0 {
		here.empty = 0
	}
	for _, object := range contents {
		if err := here.names.Take(len(aws.ToString(object.Key))); err != nil {
			delete(p.all, name.String())
			return err
		}
	}
	for _, prefix := range prefixes {
		if err := here.names.Take(len(aws.ToString(prefix.Prefix))); err != nil {
			delete(p.all, name.String())
			return err
		}
	}
	if here.seen[hash] > mostRepeats || here.empty > mostEmpty {
		delete(p.all, name.String())
		return ErrEndless
	}
	return nil
}
