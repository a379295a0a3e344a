// Package calls answers poof's calls: rclone's own rc methods and a few of
// ours, through one door.
package calls

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/filter"
	"github.com/rclone/rclone/fs/rc"
	"github.com/rclone/rclone/fs/rc/jobs"
)

// Call runs the rc method with the JSON object input and returns a JSON
// object with either "reply" or "failure".
//
// It stands in for librclone.RPC, which echoes the whole input in an error
// reply, secrets included, and flattens every error to a text. With _async
// the same envelope becomes the output of the job.
func Call(method, input string) string {
	in := make(rc.Params)
	if err := json.Unmarshal([]byte(input), &in); err != nil {
		return encode(failed(fmt.Errorf("%s: input is not a JSON object", method)))
	}
	if err := checkOptions(in); err != nil {
		return encode(failed(fmt.Errorf("%s: %w", method, err)))
	}
	call := rc.Calls.Get(method)
	if call == nil || call.NeedsRequest || call.NeedsResponse {
		return encode(failed(fmt.Errorf("no such call: %s", method)))
	}
	_, out, err := jobs.NewJob(context.Background(), enveloped(patient(method, call.Fn)), in)
	if err != nil {
		return encode(failed(err))
	}
	if _, async := out["jobid"]; async {
		return encode(rc.Params{"reply": out})
	}
	return encode(out)
}

// enveloped wraps fn so that its result is always an envelope: an error or a
// panic becomes a classified failure while its type is still known.
func enveloped(fn rc.Func) rc.Func {
	return func(ctx context.Context, in rc.Params) (out rc.Params, err error) {
		defer func() {
			if r := recover(); r != nil {
				out, err = failed(fmt.Errorf("rclone stopped with: %v", r)), nil
			}
		}()
		reply, err := fn(ctx, in)
		if err != nil {
			if ctx.Err() != nil {
				err = context.Canceled
			}
			return failed(err), nil
		}
		if reply == nil {
			reply = rc.Params{}
		}
		return rc.Params{"reply": reply}, nil
	}
}

func failed(err error) rc.Params {
	return rc.Params{"failure": Classify(err)}
}

func encode(out rc.Params) string {
	text, err := json.Marshal(out)
	if err != nil {
		text, _ = json.Marshal(failed(errors.New("the reply is not valid JSON")))
	}
	return string(text)
}

// checkOptions refuses names in _config and _filter that rclone does not
// know. rclone ignores them silently (fs/rc/context.go), and a filter that is
// ignored copies everything.
func checkOptions(in rc.Params) error {
	for block, known := range map[string]map[string]bool{
		"_config": fieldNames(reflect.TypeFor[fs.ConfigInfo]()),
		"_filter": fieldNames(reflect.TypeFor[filter.Options]()),
	} {
		options, _ := in[block].(map[string]any)
		for name := range options {
			if !known[strings.ToLower(name)] {
				return fmt.Errorf("rclone has no option %q in %s", name, block)
			}
		}
	}
	return nil
}

// fieldNames gives the names under which encoding/json fills t, lower-cased
// because it matches without regard to case; embedded structs included.
func fieldNames(t reflect.Type) map[string]bool {
	names := map[string]bool{}
	for _, field := range reflect.VisibleFields(t) {
		if !field.Anonymous {
			names[strings.ToLower(field.Name)] = true
		}
	}
	return names
}
