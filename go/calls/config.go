package calls

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/config"
	"github.com/rclone/rclone/fs/config/obscure"
	"github.com/rclone/rclone/fs/rc"
)

// secret is a value that stands in no file, in the form in which rclone reads it.
type secret struct {
	Section string `json:"section"`
	Key     string `json:"key"`
	Value   string `json:"value"`
}

// useConfig makes path the configuration file and loads it afresh, with secrets
// over it that never reach the file.
//
// Parameters: path; password (of an encrypted file), secrets, and renews (a login that is
// about to end is renewed) may be missing.
//
// It stands in for config/setpath, after which rclone keeps the old content if
// the new file has the same size and time.
func useConfig(_ context.Context, in rc.Params) (rc.Params, error) {
	path, err := in.GetString("path")
	if err != nil {
		return nil, err
	}
	var secrets []secret
	if err := in.GetStructMissingOK("secrets", &secrets); err != nil {
		// Its words may quote a value.
		return nil, errors.New("the secrets are not of the form that is expected")
	}
	if err := config.SetConfigPath(path); err != nil {
		return nil, err
	}
	// Go has an environment of its own since the process began.
	if search, err := in.GetString("search"); err == nil {
		if err := os.Setenv("PATH", search); err != nil {
			return nil, err
		}
	}
	// What rclone saves of its own accord, a refreshed token, is encrypted again.
	if err := setPassword(in); err != nil {
		return nil, err
	}
	file := newCarefulFile()
	var data config.Storage = file
	if len(secrets) > 0 {
		data = newOverlay(file, secrets)
	}
	if renews, err := in.GetBool("renews"); err == nil && renews {
		file.values = data
	}
	config.SetData(data)
	rememberSecrets(config.LoadedData(), secrets)
	return nil, nil
}

func setPassword(in rc.Params) error {
	config.ClearConfigPassword()
	password, err := in.GetString("password")
	if err != nil || password == "" {
		return nil
	}
	// rclone warns of spaces at the ends, on a standard error that is not its own.
	if strings.TrimSpace(password) == "" {
		return errors.New("the password is empty")
	}
	return config.SetConfigPassword(password)
}

// overlay is a configuration file with values over it that are never saved: what
// rclone sets of them stays in memory as well.
type overlay struct {
	config.Storage
	mu     sync.Mutex
	values map[string]map[string]string
}

func newOverlay(file config.Storage, secrets []secret) *overlay {
	values := map[string]map[string]string{}
	for _, secret := range secrets {
		if values[secret.Section] == nil {
			values[secret.Section] = map[string]string{}
		}
		values[secret.Section][secret.Key] = secret.Value
	}
	return &overlay{Storage: file, values: values}
}

func (o *overlay) held(section, key string) (string, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	value, found := o.values[section][key]
	return value, found
}

// HasSection tells whether a section is in the file, or in memory alone.
func (o *overlay) HasSection(section string) bool {
	o.mu.Lock()
	_, found := o.values[section]
	o.mu.Unlock()
	return found || o.Storage.HasSection(section)
}

func (o *overlay) GetValue(section, key string) (string, bool) {
	if value, found := o.held(section, key); found {
		return value, true
	}
	return o.Storage.GetValue(section, key)
}

func (o *overlay) GetKeyList(section string) []string {
	keys := o.Storage.GetKeyList(section)
	o.mu.Lock()
	defer o.mu.Unlock()
	for key := range o.values[section] {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (o *overlay) SetValue(section, key, value string) {
	o.mu.Lock()
	_, found := o.values[section][key]
	if found {
		o.values[section][key] = value
	}
	o.mu.Unlock()
	if !found {
		o.Storage.SetValue(section, key, value)
	}
}

// optionOf is rclone's description of a setting, nil if it knows none.
func optionOf(kind, key string) *fs.Option {
	info, err := fs.Find(kind)
	if err != nil {
		return nil
	}
	return info.Options.Get(key)
}

// describeOption says what rclone knows of a setting of a type of remote, and both
// forms of a value.
//
// Parameters: kind, key, value (may be empty), obscured (the value is).
// Results: known (false only if rclone knows the type and not the setting), password
// (rclone keeps it obscured), clear (the value in clear; empty if it is not obscured
// though it is said to be), form (as rclone reads it), doubtful (the value is said to
// be in clear and looks as if it were obscured).
func describeOption(_ context.Context, in rc.Params) (rc.Params, error) {
	var option struct {
		Kind, Key, Value string
		Obscured         bool
	}
	if err := rc.Reshape(&option, in); err != nil {
		return nil, errors.New("the parameters are not of the form that is expected")
	}
	_, err := fs.Find(option.Kind)
	known := optionOf(option.Kind, option.Key)
	out := rc.Params{
		"known": err != nil || known != nil, "password": false,
		"clear": option.Value, "form": option.Value, "doubtful": false,
	}
	if known == nil || !known.IsPassword {
		return out, nil
	}
	out["password"] = true
	revealed, err := obscure.Reveal(option.Value)
	if option.Obscured {
		out["clear"] = revealed
		return out, nil
	}
	out["doubtful"] = err == nil && isText(revealed)
	out["form"], err = obscure.Obscure(option.Value)
	return out, err
}

// isText tells whether a revealed value is one that somebody obscured: random bytes
// of this length are hardly ever text.
func isText(revealed string) bool {
	const enough = 6
	return len(revealed) >= enough && !strings.ContainsFunc(revealed, func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.IsPrint(r)
	})
}

// textAndPassword gives the text of a call, and rclone the password that goes with it;
// the caller has rclone forget it.
func textAndPassword(in rc.Params) (string, error) {
	text, err := in.GetString("text")
	if err != nil {
		return "", err
	}
	return text, setPassword(in)
}

// unlockConfig decrypts the text of a configuration file.
//
// Parameters: text, password. Results: text, opened (false: another password).
func unlockConfig(_ context.Context, in rc.Params) (rc.Params, error) {
	text, err := textAndPassword(in)
	defer config.ClearConfigPassword()
	if err != nil {
		return nil, err
	}
	plain, err := config.Decrypt(strings.NewReader(text))
	if err != nil {
		// rclone forgets a password that does not open.
		if !config.IsEncrypted() {
			return rc.Params{"text": "", "opened": false}, nil
		}
		return nil, err
	}
	data, err := io.ReadAll(plain)
	return rc.Params{"text": string(data), "opened": true}, err
}

// lockConfig encrypts the text of a configuration file.
//
// Parameters: text, password. Results: text.
func lockConfig(_ context.Context, in rc.Params) (rc.Params, error) {
	text, err := textAndPassword(in)
	defer config.ClearConfigPassword()
	if err != nil {
		return nil, err
	}
	if !config.IsEncrypted() {
		return nil, errors.New("there is no password to encrypt with")
	}
	var locked bytes.Buffer
	err = config.Encrypt(strings.NewReader(text), &locked)
	return rc.Params{"text": locked.String()}, err
}
