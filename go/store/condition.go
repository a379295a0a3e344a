package store

import (
	"context"
	"errors"
	"net/http"
	"sync"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	backend "github.com/rclone/rclone/backend/s3"
	"github.com/rclone/rclone/fs"
)

// ErrTaken says that an object was to be made only where none is, and one is there.
var ErrTaken = errors.New("an object of that name is there already")

// absent marks a context whose PUT is to store nothing over another object.
type absent struct{}

// ifAbsent returns a context in which a PUT asks the server to store the object only
// if it has none of that name. A server may ignore that: whoever relies on it has to
// try it first.
func ifAbsent(ctx context.Context) context.Context {
	return context.WithValue(ctx, absent{}, true)
}

// addHeaders is what adds the headers that S3 knows for what rclone has no option for: for a
// condition (If-None-Match, since August 2024), and for the class of a single object.
func addHeaders(stack *middleware.Stack) error {
	add := func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
		request, ok := in.Request.(*smithyhttp.Request)
		if ok && ctx.Value(absent{}) != nil && request.Method == http.MethodPut {
			request.Header.Set("If-None-Match", "*")
		}
		operation := awsmiddleware.GetOperationName(ctx)
		class, small := ctx.Value(classKey{}).(string)
		if ok && small && (operation == "PutObject" || operation == "CopyObject") {
			request.Header.Set("X-Amz-Storage-Class", class)
		}
		return next.HandleBuild(ctx, in)
	}
	return stack.Build.Add(middleware.BuildMiddlewareFunc("PoofHeaders", add), middleware.After)
}

// prepared are the remotes whose client knows the headers.
var prepared struct {
	sync.Mutex
	known map[fs.Fs]bool
}

// prepare teaches the S3 client inside of f the headers, before f is first used.
// TestTheClientInsideIsReached pins the fields.
func prepare(f fs.Fs) {
	inner, ok := f.(*backend.Fs)
	if !ok {
		return
	}
	client, ok := hidden[*s3.Client](inner, "c")
	if !ok {
		return
	}
	options, ok := hidden[s3.Options](client, "options")
	if !ok {
		return
	}
	options.APIOptions = append(options.APIOptions[:len(options.APIOptions):len(options.APIOptions)], addHeaders)
	setHidden(client, "options", options)
}

// prepareOnce is prepare for the first who opens f; all others wait for it.
func prepareOnce(f fs.Fs) {
	prepared.Lock()
	defer prepared.Unlock()
	if prepared.known[f] {
		return
	}
	if prepared.known == nil {
		prepared.known = map[fs.Fs]bool{}
	}
	prepared.known[f] = true
	prepare(f)
}

// taken is ErrTaken if the server refused a PUT because something is there.
func taken(err error) error {
	var api interface{ ErrorCode() string }
	conflict := errors.As(err, &api) && api.ErrorCode() == "ConditionalRequestConflict"
	if conflict || Status(err) == http.StatusPreconditionFailed {
		return ErrTaken
	}
	return err
}
