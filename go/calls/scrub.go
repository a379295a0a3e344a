package calls

import (
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/config"
	"github.com/rclone/rclone/fs/config/obscure"
	"golang.org/x/oauth2"
)

// shortestSecret keeps Scrub from replacing values such as "on" or "us" that
// stand in a secret's place only by accident.
const shortestSecret = 5

// secrets are the values that Scrub hides. They are collected when the
// configuration is loaded and not when a text is scrubbed: a log line can be
// written while rclone holds the lock of its configuration.
var secrets atomic.Pointer[strings.Replacer]

// hidden are the pairs of that replacer, to which a login adds.
var (
	hidden   []string
	hiddenMu sync.Mutex
)

// Scrub replaces every secret of the loaded configuration that occurs in
// text, obscured or revealed.
func Scrub(text string) string {
	if replacer := secrets.Load(); replacer != nil {
		return replacer.Replace(text)
	}
	return text
}

// rememberSecrets collects the secrets of the loaded configuration and those that
// stand in no file.
func rememberSecrets(data config.Storage, more []secret) {
	var pairs []string
	hide := func(value string) {
		if len(value) >= shortestSecret {
			pairs = append(pairs, value, "***")
		}
	}
	for _, secret := range more {
		hide(secret.Value)
		if clear, err := obscure.Reveal(secret.Value); err == nil {
			hide(clear)
		}
	}
	for _, name := range proxyVariables {
		for _, part := range secretParts("http://" + os.Getenv(name)) {
			hide(part)
		}
		for _, part := range secretParts(os.Getenv(name)) {
			hide(part)
		}
	}
	for _, section := range data.GetSectionList() {
		kind, _ := data.GetValue(section, "type")
		for _, key := range data.GetKeyList(section) {
			value, _ := data.GetValue(section, key)
			for _, part := range secretParts(value) {
				hide(part)
			}
			if !isSecret(kind, key) {
				continue
			}
			hide(value)
			if clear, err := obscure.Reveal(value); err == nil {
				hide(clear)
			}
			var token oauth2.Token
			if key == config.ConfigToken && json.Unmarshal([]byte(value), &token) == nil {
				hide(token.AccessToken)
				hide(token.RefreshToken)
			}
		}
	}
	hiddenMu.Lock()
	defer hiddenMu.Unlock()
	hidden = pairs
	secrets.Store(strings.NewReplacer(hidden...))
}

// Hide has Scrub replace one more value.
func Hide(value string) {
	if len(value) < shortestSecret {
		return
	}
	hiddenMu.Lock()
	defer hiddenMu.Unlock()
	if !slices.Contains(hidden, value) {
		hidden = append(slices.Clip(hidden), value, "***")
		secrets.Store(strings.NewReplacer(hidden...))
	}
}

// hideToken hides a token as rclone stores it, and both of its parts.
func hideToken(stored string) {
	var token oauth2.Token
	if json.Unmarshal([]byte(stored), &token) == nil {
		Hide(token.AccessToken)
		Hide(token.RefreshToken)
	}
	Hide(stored)
}

// pair is a setting within a value: of a connection string of rclone's
// (":s3,secret_access_key=x:bucket") or of Azure's ("AccountKey=x;…"), or of a query
// ("https://h/c?sv=1&sig=x"), which signs what it asks for.
var pair = regexp.MustCompile(`([A-Za-z_-]+)=("[^"]*"|'[^']*'|[^,;&:#\s"']+)`)

// userinfo is the password of an address.
var userinfo = regexp.MustCompile(`://[^/@\s:]*:([^/@\s]+)@`)

// secretParts gives what is secret of a value that as a whole is not, or that servers
// and errors show in part.
func secretParts(value string) []string {
	var parts []string
	for _, found := range pair.FindAllStringSubmatch(value, -1) {
		name, part := strings.ToLower(found[1]), strings.Trim(found[2], `"'`)
		if isSecret("", name) || strings.Contains(name, "sig") {
			parts = append(parts, part)
			if clear, err := url.QueryUnescape(part); err == nil && clear != part {
				parts = append(parts, clear)
			}
		}
	}
	for _, found := range userinfo.FindAllStringSubmatch(value, -1) {
		parts = append(parts, found[1])
	}
	return parts
}

// isSecret goes by rclone's own description of the option and, for what
// rclone does not know or marks only as private, by its name.
func isSecret(kind, key string) bool {
	if info, err := fs.Find(kind); err == nil {
		if option := info.Options.Get(key); option != nil && option.IsPassword {
			return true
		}
	}
	for _, word := range []string{"key", "secret", "pass", "token", "sas_url", "credential", "connection_string"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}
