package login

import (
	"crypto/subtle"
	"net/url"
	"strings"
)

// brought is what the browser has brought back, judged.
type brought struct {
	form url.Values
	err  error
}

// judge tells whether an answer is one to this login, and what the provider says in it.
// Any page that is open in a browser can send one to this machine: only who has seen the
// address of this login knows its state.
func (s *browserSession) judge(form url.Values) brought {
	if subtle.ConstantTimeCompare([]byte(form.Get("state")), []byte(s.state)) != 1 {
		return brought{err: &Trouble{"LoginForeign", "an answer came that belongs to another login"}}
	}
	if word := form.Get("error"); word != "" {
		text := "the provider refuses: " + word
		if more := form.Get("error_description"); more != "" {
			text += ": " + more
		}
		if word == "access_denied" {
			return brought{err: &Trouble{"LoginRefused", text}}
		}
		return brought{err: &Trouble{"LoginFailed", text}}
	}
	return brought{form: form}
}

// isAnswer tells an answer from what browsers ask for beside it.
func isAnswer(form url.Values) bool { return form.Get("code") != "" || form.Get("error") != "" }

// longest is an address that no browser would show.
const longest = 64 << 10

// pasted finds the answer in what a person has pasted: the whole address, or what comes
// after its question mark. The second is what is wrong.
func pasted(text string) (url.Values, string) {
	text = strings.Trim(strings.TrimSpace(text), `"'<>`)
	switch {
	case text == "":
		return nil, "nothing was pasted"
	case len(text) > longest:
		return nil, "it is too long for an address"
	}
	query := text
	if address, after, found := strings.Cut(text, "?"); found {
		query = after
		if strings.Contains(address, "://") && !strings.Contains(address, "localhost") && !strings.Contains(address, "127.0.0.1") {
			return nil, "it is an address on the way; paste the one at which the browser ends, with 127.0.0.1 or localhost in it"
		}
	} else if strings.Contains(text, "://") {
		return nil, "there is no answer in it; paste the whole address, with all that comes after the question mark"
	}
	query, _, _ = strings.Cut(query, "#")
	form, err := url.ParseQuery(query)
	switch {
	case err != nil:
		return nil, "it is not a whole address"
	case !isAnswer(form):
		return nil, "there is no code in it; paste the whole address, not only a part"
	case form.Get("state") == "":
		return nil, "its end is missing; paste the whole address"
	}
	return form, ""
}
