// Package login gets the token of a remote that wants a login in the browser (OAuth):
// Google Drive, Dropbox, OneDrive and their like.
//
// rclone has this only with its own server, log and questions. Here the backend's Config
// function says what it wants, and the one who called is asked step by step. Nothing is
// written: the outcome is the values of the section.
//
//	login.go     the steps, and what the backend asks
//	browser.go   the way through the browser: address, answer, token
//	listener.go  where the provider sends the browser
//	answer.go    what the browser brings back, or a person pastes
//	renew.go     a token in the place of one that ends
package login

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/config"
	"github.com/rclone/rclone/fs/config/configmap"
	"github.com/rclone/rclone/lib/oauthutil"
)

// Wanted tells whether a type of remote wants a login in the browser.
func Wanted(info *fs.RegInfo) bool {
	// Each has the shared options of lib/oauthutil; Mail.ru has them, and wants a password.
	return info.Config != nil && info.Options.Get(config.ConfigAuthURL) != nil && info.Options.Get("pass") == nil
}

// Request says what to log in to.
type Request struct {
	Kind    string            // type of the remote
	Section string            // its name, for rclone's log
	Values  map[string]string // what the section says, passwords obscured
	Listens bool              // the browser is on this machine
	Person  bool              // there is somebody to ask
}

// Step is what the login waits for.
type Step struct {
	State    string            `json:"state"`              // working, browser, question or done
	URL      string            `json:"url,omitempty"`      // browser: where to go
	Listens  bool              `json:"listens,omitempty"`  // browser: an answer on this machine is heard
	Question *Question         `json:"question,omitempty"` // question: what is to be answered
	Values   map[string]string `json:"values,omitempty"`   // done: what the section is to say
	Notices  []string          `json:"notices,omitempty"`  // what a person should know; told once
}

// Question is something that the backend wants to know.
type Question struct {
	Number  int      `json:"number"` // tells it from the last one
	Key     string   `json:"key"`
	Text    string   `json:"text"`
	Default string   `json:"default"`
	Choices []Choice `json:"choices"`
	Only    bool     `json:"only"` // nothing but one of the choices
	Secret  bool     `json:"secret"`
}

// Choice is a value that fits, and what it means.
type Choice struct {
	Value string `json:"value"`
	Text  string `json:"text"`
}

// Trouble is why a login did not come to its end, with a word for what happened.
type Trouble struct{ Code, Text string }

func (t *Trouble) Error() string { return t.Text }

// ErrorCode is where those who classify errors look.
func (t *Trouble) ErrorCode() string { return t.Code }

// Login is one that has begun.
type Login struct {
	request Request
	info    *fs.RegInfo
	values  configmap.Simple
	cancel  context.CancelFunc
	hide    func(string)

	mu      sync.Mutex
	step    Step
	err     error
	changed chan struct{} // closed when the step is another one

	answers chan string     // to the question
	pasted  chan brought    // by a person
	browser *browserSession // while the browser is on its way
}

// Begin starts a login. hide is told each value that is secret.
func Begin(request Request, hide func(string)) (*Login, error) {
	info, err := fs.Find(request.Kind)
	if err != nil {
		return nil, &Trouble{"NoType", "rclone has no remote type " + request.Kind}
	}
	if !Wanted(info) {
		return nil, &Trouble{"NoLogin", "a remote of type " + request.Kind + " wants no login in the browser"}
	}
	ctx, cancel := context.WithCancel(context.Background())
	login := &Login{
		request: request, info: info, values: configmap.Simple{}, cancel: cancel, hide: hide,
		step: Step{State: "working"}, changed: make(chan struct{}),
		answers: make(chan string, 1), pasted: make(chan brought, 1),
	}
	maps.Copy(login.values, request.Values)
	delete(login.values, config.ConfigToken)
	listener, err := listen()
	if err != nil && request.Listens {
		cancel()
		return nil, err
	}
	go func() {
		err := login.run(patient(ctx), listener)
		// Whoever hears of the end may end the process, and the browser has to have its page.
		listener.close()
		login.mu.Lock()
		defer login.mu.Unlock()
		if login.err = err; err == nil {
			login.step.State = "done"
			login.step.Values = login.outcome()
		}
		close(login.changed)
	}()
	return login, nil
}

// patient is a context in which rclone waits as long as a person does.
func patient(ctx context.Context) context.Context {
	ctx, settings := fs.AddConfig(ctx)
	settings.ConnectTimeout = fs.Duration(10 * time.Second)
	settings.Timeout = fs.Duration(30 * time.Second)
	settings.LowLevelRetries = 3
	return ctx
}

// Stop ends it and gives the port back.
func (l *Login) Stop() { l.cancel() }

// Wait gives the step that it is at, at the latest after that time, and what went wrong if
// it is over without an outcome.
func (l *Login) Wait(after *Step, most time.Duration) (Step, error) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		l.mu.Lock()
		step, err, changed := l.step, l.err, l.changed
		if err != nil || after == nil || step.State != after.State || len(step.Notices) > 0 || step.State == "done" ||
			step.number() != after.number() {
			l.step.Notices = nil
			l.mu.Unlock()
			return step, err
		}
		l.mu.Unlock()
		select {
		case <-changed:
		case <-timer.C:
			after = nil
		}
	}
}

func (s Step) number() int {
	if s.Question == nil {
		return 0
	}
	return s.Question.Number
}

// Answer gives the answer to the question.
func (l *Login) Answer(answer string) {
	select {
	case l.answers <- answer:
	default:
	}
}

func (l *Login) set(step Step) {
	l.mu.Lock()
	defer l.mu.Unlock()
	step.Notices = l.step.Notices
	l.step = step
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *Login) notice(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.step.Notices = append(l.step.Notices, strings.TrimSpace(text))
}

// mostSteps and mostErrors end what goes round in a circle.
const (
	mostSteps  = 100
	mostErrors = 3
)

// run goes through the states of the backend.
func (l *Login) run(ctx context.Context, listener *listener) error {
	m := l.mapper()
	in, wrong := fs.ConfigIn{}, 0
	for number := range mostSteps {
		out, err := l.info.Config(ctx, l.request.Section, m, in)
		if ctx.Err() != nil {
			return context.Canceled
		}
		if err != nil {
			return err
		}
		if out == nil {
			return l.complete()
		}
		in = fs.ConfigIn{State: out.State, Result: out.Result}
		switch {
		case out.OAuth != nil:
			if err := l.authorize(ctx, m, listener, out.OAuth); err != nil {
				return err
			}
		case out.Error != "":
			wrong++
			// From the start it would go to the browser again.
			if !l.request.Person || wrong == mostErrors || out.State == "" {
				return &Trouble{"LoginFailed", out.Error}
			}
			l.notice(out.Error)
		case out.Option != nil:
			if in.Result, err = l.decide(ctx, number+1, out.Option); err != nil {
				return err
			}
		}
		if out.State == "" {
			return l.complete()
		}
	}
	return errors.New("the login goes round in a circle")
}

// mapper is how a backend reads and sets the values.
func (l *Login) mapper() *configmap.Map {
	m := configmap.New()
	m.AddGetter(l.values, configmap.PriorityNormal).AddGetter(defaults{l.info.Options}, configmap.PriorityDefault)
	return m.AddSetter(l.values)
}

func (l *Login) complete() error {
	if l.values[config.ConfigToken] == "" {
		return &Trouble{"NoLogin", "with these settings the remote wants no login in the browser"}
	}
	return nil
}

// decide answers a question of the backend's: as the settings say, or a person, or as it
// is by default.
func (l *Login) decide(ctx context.Context, number int, option *fs.Option) (string, error) {
	if given, found := l.request.Values[option.Name]; found {
		return given, nil
	}
	preset := fmt.Sprint(option.GetValue())
	switch {
	case option.Name == "config_shared_client_id":
		l.notice(firstLines(option.Help) + " Then: `poof login " + l.info.Name + " client_id=ID client_secret=SECRET`")
		return "true", nil
	case !l.request.Person && preset == "" && option.Required:
		return "", &Trouble{"NeedsAnswer", firstLines(option.Help) + " (" + option.Name + ")"}
	case !l.request.Person:
		return preset, nil
	}
	question := &Question{
		Number: number, Key: option.Name, Text: strings.TrimSpace(option.Help), Default: preset,
		Only: option.Exclusive, Secret: option.IsPassword, Choices: []Choice{},
	}
	for _, example := range option.Examples {
		question.Choices = append(question.Choices, Choice{example.Value, example.Help})
	}
	l.set(Step{State: "question", Question: question})
	defer l.set(Step{State: "working"})
	select {
	case answer := <-l.answers:
		if option.IsPassword {
			l.hide(answer)
		}
		return answer, nil
	case <-ctx.Done():
		return "", context.Canceled
	}
}

// firstLines is a help text without the question at its end.
func firstLines(help string) string {
	text, _, _ := strings.Cut(strings.TrimSpace(help), "\n\n")
	return strings.Join(strings.Fields(text), " ")
}

// outcome is what the section is to say. What a backend asks while it is configured is
// no setting, and what is empty and was not there need not come.
func (l *Login) outcome() map[string]string {
	values := map[string]string{}
	for key, value := range l.values {
		_, was := l.request.Values[key]
		if !strings.HasPrefix(key, fs.ConfigKeyEphemeralPrefix) && (value != "" || was) {
			values[key] = value
		}
	}
	return values
}

// defaults are the values of the options that nobody has set.
type defaults struct{ options fs.Options }

func (d defaults) Get(key string) (string, bool) {
	option := d.options.Get(key)
	if option == nil {
		return "", false
	}
	return option.String(), true
}

// Kinds are the types of remotes that want a login in the browser, and other names of
// some.
func Kinds() (kinds []string, aliases map[string]string) {
	aliases = map[string]string{}
	for _, info := range fs.Registry {
		if Wanted(info) {
			kinds = append(kinds, info.Name)
			aliases[info.Prefix], aliases[info.FileName()] = info.Name, info.Name
		}
	}
	slices.Sort(kinds)
	return kinds, aliases
}

// credentials is what goes for the login: the backend's own, or those of the settings.
func credentials(section string, m configmap.Mapper, of any) (*oauthutil.Options, *oauthutil.Config, error) {
	options, ok := of.(*oauthutil.Options)
	if !ok || options.OAuth2Config == nil {
		return nil, nil, errors.New("rclone does not say where to log in")
	}
	own, _ := oauthutil.OverrideCredentials(section, m, options.OAuth2Config)
	return options, own, nil
}
