package login

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	_ "github.com/rclone/rclone/backend/box"
	_ "github.com/rclone/rclone/backend/drive"
	_ "github.com/rclone/rclone/backend/dropbox"
	_ "github.com/rclone/rclone/backend/googlecloudstorage"
	_ "github.com/rclone/rclone/backend/kdrive"
	_ "github.com/rclone/rclone/backend/mailru"
	_ "github.com/rclone/rclone/backend/onedrive"
	_ "github.com/rclone/rclone/backend/pcloud"
	_ "github.com/rclone/rclone/backend/s3"
)

// portIsOurs keeps other tests of this machine off the port, which is the same for all.
func portIsOurs(t *testing.T) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(os.TempDir(), "poof-test-53682.lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
}

// provider is a stand-in of one: it allows everything, and gives the tokens a and r.
type provider struct {
	*httptest.Server
	asked url.Values // at the token's address
	token func(http.ResponseWriter)
}

func newProvider(t *testing.T) *provider {
	p := &provider{token: func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"ACCESS-1","refresh_token":"REFRESH-1","token_type":"bearer","expires_in":3600}`)
	}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		switch request.URL.Path {
		case "/auth":
			query := request.URL.Query()
			back := url.Values{"code": {"CODE-1"}, "state": {query.Get("state")}}
			http.Redirect(w, request, query.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
		case "/token":
			_ = request.ParseForm()
			p.asked = request.PostForm
			p.token(w)
		default:
			http.NotFound(w, request)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// begin starts a login with that provider, without a person.
func (p *provider) begin(t *testing.T, kind string, more ...string) *Login {
	t.Helper()
	values := map[string]string{"auth_url": p.URL + "/auth", "token_url": p.URL + "/token"}
	for i := 0; i < len(more); i += 2 {
		values[more[i]] = more[i+1]
	}
	login, err := Begin(Request{Kind: kind, Section: "s", Values: values, Listens: true}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(login.Stop)
	return login
}

// at waits for a state.
func (l *Login) at(t *testing.T, state string) Step {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		step, err := l.Wait(nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if step.State == state {
			return step
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("it never came to", state)
	return Step{}
}

// trouble waits for the end.
func (l *Login) trouble(t *testing.T) *Trouble {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		_, err := l.Wait(nil, 0)
		var trouble *Trouble
		if errors.As(err, &trouble) {
			return trouble
		} else if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("nothing went wrong")
	return nil
}

// visit is the browser.
func visit(t *testing.T, address string) (int, string) {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

func TestTheTypesThatWantALoginAreKnown(t *testing.T) {
	want := []string{"box", "drive", "dropbox", "google cloud storage", "kdrive", "onedrive", "pcloud"}
	got, aliases := Kinds()
	if !slices.Equal(got, want) || aliases["gcs"] != "google cloud storage" {
		t.Error(got, aliases)
	}
}

func TestALoginGivesTheTokenAsRcloneStoresIt(t *testing.T) {
	portIsOurs(t)
	for _, kind := range []string{"drive", "dropbox", "box", "kdrive"} {
		p := newProvider(t)
		login := p.begin(t, kind, "client_id", "ID-1", "description", "mine")
		step := login.at(t, "browser")
		address, _ := url.Parse(step.URL)
		if got := address.Query(); got.Get("client_id") != "ID-1" || len(got.Get("state")) < 40 {
			t.Error(kind, step.URL)
		}
		status, page := visit(t, step.URL)
		if status != 200 || !strings.Contains(page, "close this tab") || strings.Contains(page, "<script") {
			t.Error(kind, status, page)
		}
		values := login.at(t, "done").Values
		if token := values["token"]; !strings.Contains(token, `"access_token":"ACCESS-1"`) || !strings.Contains(token, `"refresh_token":"REFRESH-1"`) ||
			!strings.Contains(token, `"expiry":"20`) {
			t.Error(kind, token)
		}
		if values["description"] != "mine" || values["auth_url"] == "" {
			t.Error(kind, values)
		}
		if p.asked.Get("code") != "CODE-1" || (p.asked.Get("code_verifier") != "") != (kind == "kdrive") {
			t.Error(kind, p.asked)
		}
		free(t)
	}
}

// free tells that somebody else can have the port.
func free(t *testing.T) {
	t.Helper()
	port, err := net.Listen("tcp", Address)
	if err != nil {
		t.Fatal(err)
	}
	_ = port.Close()
}

func TestAnAnswerToAnotherLoginEndsThisOneAndIsNotUsed(t *testing.T) {
	portIsOurs(t)
	p := newProvider(t)
	login := p.begin(t, "dropbox")
	login.at(t, "browser")
	if status, _ := visit(t, "http://"+Address+"/favicon.ico"); status != http.StatusNotFound {
		t.Error(status)
	}
	if status, page := visit(t, "http://"+Address+"/?code=theirs&state=theirs"); status != http.StatusBadRequest || strings.Contains(page, "theirs") {
		t.Error(status, page)
	}
	if trouble := login.trouble(t); trouble.Code != "LoginForeign" || p.asked != nil {
		t.Error(trouble, p.asked)
	}
	free(t)
}

func TestWhatTheProviderSaysIsToldAndItsAnswerIsNot(t *testing.T) {
	portIsOurs(t)
	p := newProvider(t)
	for _, c := range []struct {
		status     int
		body, code string
	}{
		{400, `{"error":"invalid_client","error_description":"no such application","access_token":"SECRET-1"}`, "LoginFailed"},
		{500, `oops SECRET-1`, "LoginBroken"},
	} {
		p.token = func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}
		login := p.begin(t, "dropbox")
		visit(t, login.at(t, "browser").URL)
		trouble := login.trouble(t)
		if trouble.Code != c.code || strings.Contains(trouble.Text, "SECRET") || strings.Contains(trouble.Text, "CODE-1") {
			t.Error(trouble)
		}
	}
	login := p.begin(t, "dropbox")
	address, _ := url.Parse(login.at(t, "browser").URL)
	back := url.Values{"error": {"access_denied"}, "state": {address.Query().Get("state")}}
	visit(t, "http://"+Address+"/?"+back.Encode())
	if trouble := login.trouble(t); trouble.Code != "LoginRefused" {
		t.Error(trouble)
	}
}

func TestWhatIsPastedIsTakenOrToldWhatIsWrongWithIt(t *testing.T) {
	portIsOurs(t)
	p := newProvider(t)
	login := p.begin(t, "dropbox")
	address, _ := url.Parse(login.at(t, "browser").URL)
	for _, wrong := range []string{
		"", "CODE-1", "http://127.0.0.1:53682/", "http://localhost:53682/?code=x", "http://localhost:53682/?state=x",
		"http://localhost:53682/?code=x&state=another", "https://www.dropbox.com/oauth2?code=x&state=y", "?code=%zz",
	} {
		if login.Paste(wrong) == "" {
			t.Error("taken:", wrong)
		}
	}
	back := url.Values{"code": {"CODE-1"}, "state": {address.Query().Get("state")}}
	if wrong := login.Paste(" '" + "http://localhost:53682/?" + back.Encode() + "#'\n"); wrong != "" {
		t.Error(wrong)
	}
	login.at(t, "done")
}

func TestTheRestIsAskedOrAsByDefault(t *testing.T) {
	portIsOurs(t)
	p := newProvider(t)
	values := map[string]string{"auth_url": p.URL + "/auth", "token_url": p.URL + "/token"}
	login, err := Begin(Request{Kind: "drive", Values: values, Listens: true, Person: true}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer login.Stop()
	step := login.at(t, "browser")
	if len(step.Notices) != 1 || !strings.Contains(step.Notices[0], "client_id is being retired") {
		t.Error(step.Notices)
	}
	visit(t, step.URL)
	question := login.at(t, "question").Question
	if question.Key != "config_change_team_drive" || question.Default != "false" || len(question.Choices) != 2 {
		t.Error(question)
	}
	login.Answer("false")
	if values := login.at(t, "done").Values; values["config_change_team_drive"] != "" || values["token"] == "" {
		t.Error(values)
	}
}

func TestALoginThatIsStoppedGivesThePortBack(t *testing.T) {
	portIsOurs(t)
	login := newProvider(t).begin(t, "onedrive")
	login.at(t, "browser")
	if _, err := listen(); err == nil {
		t.Fatal("two have it")
	}
	login.Stop()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := login.Wait(nil, 0); errors.Is(err, context.Canceled) {
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	free(t)
}
