package login

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/rclone/rclone/fs/config"
	"github.com/rclone/rclone/fs/config/configmap"
	"github.com/rclone/rclone/fs/fshttp"
	"github.com/rclone/rclone/lib/oauthutil"
	"golang.org/x/oauth2"
)

// patience is how long the provider may take for the token.
const patience = time.Minute

// browserSession is one way through the browser.
type browserSession struct {
	state    string
	verifier string
	redirect string
}

// authorize has somebody allow the access in a browser, and sets the token.
func (l *Login) authorize(ctx context.Context, m configmap.Mapper, listener *listener, of any) error {
	options, credentials, err := credentials(l.request.Section, m, of)
	if err != nil {
		return err
	}
	if credentials.ClientCredentialFlow {
		return l.withoutBrowser(ctx, m, credentials)
	}
	// The provider would show the code on a page of its own, to be copied from there.
	if credentials.RedirectURL == oauthutil.TitleBarRedirectURL {
		credentials.RedirectURL = oauthutil.RedirectURL
	}
	session := &browserSession{state: random(), redirect: credentials.RedirectURL}
	l.hide(session.state)
	parameters := options.OAuth2Opts
	if !options.NoOffline {
		parameters = append(parameters, oauth2.AccessTypeOffline)
	}
	if credentials.UsePKCE {
		session.verifier = oauth2.GenerateVerifier()
		l.hide(session.verifier)
		parameters = append(parameters, oauth2.S256ChallengeOption(session.verifier))
	}
	address := credentials.MakeOauth2Config().AuthCodeURL(session.state, parameters...)
	form, err := l.answered(ctx, session, listener, address)
	if err != nil {
		return err
	}
	l.hide(form.Get("code"))
	if options.CheckAuth != nil {
		answer := &oauthutil.AuthResult{OK: true, Code: form.Get("code"), Form: form}
		if err := options.CheckAuth(credentials, answer); err != nil {
			return &Trouble{"LoginFailed", "the answer of the provider is not what rclone expects"}
		}
	}
	return l.exchange(ctx, m, credentials, session, form.Get("code"))
}

// answered waits for what the browser brings back.
func (l *Login) answered(ctx context.Context, session *browserSession, listener *listener, address string) (url.Values, error) {
	l.mu.Lock()
	l.browser = session
	l.mu.Unlock()
	heard := listener.expect(session)
	l.set(Step{State: "browser", URL: address, Listens: listener != nil})
	defer func() {
		l.mu.Lock()
		l.browser = nil
		l.mu.Unlock()
		l.set(Step{State: "working"})
	}()
	select {
	case answer := <-heard:
		return answer.form, answer.err
	case answer := <-l.pasted:
		return answer.form, answer.err
	case <-ctx.Done():
		return nil, context.Canceled
	}
}

// Paste takes the address that a browser on another machine has ended at. The text says
// what is wrong with it; empty: nothing is.
func (l *Login) Paste(text string) string {
	l.mu.Lock()
	session := l.browser
	l.mu.Unlock()
	if session == nil {
		return ""
	}
	form, wrong := pasted(text)
	if wrong != "" {
		return wrong
	}
	answer := session.judge(form)
	var trouble *Trouble
	if errors.As(answer.err, &trouble) && trouble.Code == "LoginForeign" {
		return "it is the answer to another login; open the address above once more, and paste where that ends"
	}
	select {
	case l.pasted <- answer:
	default:
	}
	return ""
}

// exchange gets the token for the code.
func (l *Login) exchange(ctx context.Context, m configmap.Mapper, credentials *oauthutil.Config, session *browserSession, code string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ctx = oauthutil.Context(ctx, fshttp.NewClient(ctx))
	var options []oauth2.AuthCodeOption
	if session.verifier != "" {
		options = append(options, oauth2.VerifierOption(session.verifier))
	}
	token, err := credentials.MakeOauth2Config().Exchange(ctx, code, options...)
	if err != nil {
		return failed(err)
	}
	return l.keep(m, token)
}

// withoutBrowser gets a token for an application that acts for itself.
func (l *Login) withoutBrowser(ctx context.Context, m configmap.Mapper, credentials *oauthutil.Config) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	token, err := credentials.MakeClientCredentialsConfig().Token(oauthutil.Context(ctx, fshttp.NewClient(ctx)))
	if err != nil {
		return failed(err)
	}
	return l.keep(m, token)
}

// keep sets the token in the form in which rclone reads it.
func (l *Login) keep(m configmap.Mapper, token *oauth2.Token) error {
	text, err := json.Marshal(token)
	if err != nil {
		return err
	}
	for _, secret := range []string{token.AccessToken, token.RefreshToken, string(text)} {
		l.hide(secret)
	}
	m.Set(config.ConfigToken, string(text))
	return nil
}

// failed is an error of the token's address. Its answer is not repeated: it may hold
// anything, also a token.
func failed(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return err
	}
	text := "the provider gives no token"
	if refused.Response != nil {
		text += fmt.Sprintf(" (status %d)", refused.Response.StatusCode)
	}
	if refused.ErrorCode != "" {
		text += ": " + refused.ErrorCode
	}
	if refused.ErrorDescription != "" {
		text += ": " + refused.ErrorDescription
	}
	if refused.Response != nil && refused.Response.StatusCode >= 500 {
		return &Trouble{"LoginBroken", text}
	}
	return &Trouble{"LoginFailed", text}
}

// random is a value that nobody can guess.
func random() string {
	var bytes [32]byte
	// It ends the process rather than fail.
	_, _ = rand.Read(bytes[:])
	return base64.RawURLEncoding.EncodeToString(bytes[:])
}
