package calls

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/config/obscure"
	"github.com/rclone/rclone/fs/rc"

	"bridge/login"
)

func init() {
	rc.Add(rc.Call{Path: "poof/logins", Fn: logins})
	rc.Add(rc.Call{Path: "poof/unsaved", Fn: whyUnsaved})
	rc.Add(rc.Call{Path: "poof/section", Fn: newSection})
	rc.Add(rc.Call{Path: "poof/login", Fn: beginLogin})
	rc.Add(rc.Call{Path: "poof/loginstep", Fn: stepLogin})
	rc.Add(rc.Call{Path: "poof/loginstop", Fn: stopLogin})
}

// underWay is the login of this process.
var underWay struct {
	sync.Mutex
	login *login.Login
	last  *login.Step
}

// logins names the types of remotes that want a login in the browser.
//
// Results: kinds, aliases (other names of some).
func logins(context.Context, rc.Params) (rc.Params, error) {
	kinds, aliases := login.Kinds()
	return rc.Params{"kinds": append([]string{}, kinds...), "aliases": aliases}, nil
}

// whyUnsaved tells whether a login was renewed and could not be saved.
//
// Results: why (empty: all is saved).
func whyUnsaved(context.Context, rc.Params) (rc.Params, error) {
	why, _ := unsaved.Load().(string)
	return rc.Params{"why": why}, nil
}

// newSection gives the values of a new section as rclone reads them: passwords obscured.
// It stands in for config/create, which would wait for the browser.
//
// Parameters: kind, values. Results: values.
func newSection(_ context.Context, in rc.Params) (rc.Params, error) {
	var given struct {
		Kind   string
		Values map[string]string
	}
	if err := rc.Reshape(&given, in); err != nil {
		return nil, errors.New("the parameters are not of the form that is expected")
	}
	values := map[string]string{"type": given.Kind}
	for key, value := range given.Values {
		option := optionOf(given.Kind, key)
		if option != nil && option.IsPassword && value != "" {
			obscured, err := obscure.Obscure(value)
			if err != nil {
				return nil, err
			}
			value = obscured
		}
		if !strings.HasPrefix(key, fs.ConfigKeyEphemeralPrefix) {
			values[key] = value
		}
	}
	return rc.Params{"values": values}, nil
}

// beginLogin starts a login.
//
// Parameters: kind, section, values (passwords obscured), listens (the browser is on this
// machine), person (there is somebody to ask).
func beginLogin(_ context.Context, in rc.Params) (rc.Params, error) {
	var request login.Request
	if err := rc.Reshape(&request, in); err != nil {
		return nil, errors.New("the parameters are not of the form that is expected")
	}
	for key, value := range request.Values {
		if isSecret(request.Kind, key) {
			Hide(value)
			if clear, err := obscure.Reveal(value); err == nil {
				Hide(clear)
			}
		}
	}
	underWay.Lock()
	defer underWay.Unlock()
	if underWay.login != nil {
		return nil, errors.New("another login is under way")
	}
	begun, err := login.Begin(request, Hide)
	underWay.login, underWay.last = begun, nil
	return nil, err
}

// stepLogin gives a login what it was waiting for, and tells what it waits for now.
//
// Parameters: millis (the answer comes no later), answer (to the question) and pasted may be
// missing. Results: those of [login.Step]; wrong (what is wrong with what was pasted).
func stepLogin(_ context.Context, in rc.Params) (rc.Params, error) {
	var given struct {
		Millis         int64
		Answer, Pasted *string
	}
	if err := rc.Reshape(&given, in); err != nil {
		return nil, errors.New("the parameters are not of the form that is expected")
	}
	underWay.Lock()
	begun, last := underWay.login, underWay.last
	underWay.Unlock()
	if begun == nil {
		return nil, errors.New("no login is under way")
	}
	wrong := ""
	if given.Pasted != nil {
		wrong = begun.Paste(*given.Pasted)
	}
	if given.Answer != nil {
		begun.Answer(*given.Answer)
	}
	step, err := begun.Wait(last, time.Duration(given.Millis)*time.Millisecond)
	if err != nil {
		return nil, err
	}
	underWay.Lock()
	underWay.last = &step
	underWay.Unlock()
	out := rc.Params{"wrong": wrong}
	return out, rc.Reshape(&out, step)
}

// stopLogin ends the login, if one is under way.
func stopLogin(context.Context, rc.Params) (rc.Params, error) {
	underWay.Lock()
	defer underWay.Unlock()
	if underWay.login != nil {
		underWay.login.Stop()
		underWay.login = nil
	}
	return nil, nil
}
