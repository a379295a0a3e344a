package calls

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/config"
	"github.com/rclone/rclone/fs/config/configfile"
	"golang.org/x/oauth2"
	"golang.org/x/sys/unix"

	"bridge/login"
)

// carefulFile is a configuration file of which rclone saves what it sets and nothing
// else: comments and order stay, and at every moment the file is the old one or the new
// one. rclone itself would write the whole file, and take the old one away first.
//
// What is saved in a run is a login that was renewed. Some providers give a new refresh
// token each time, and the old one is worth nothing from then on. rclone would renew it in
// each of its connections, and all but one would be refused.
type carefulFile struct {
	config.Storage
	mu    sync.Mutex
	edits []edit
	// Something else than values has changed: a section is new, or a key goes.
	whole bool

	// Not nil: tokens are renewed here, for all who read them, with the values that this has.
	values   config.Storage
	renewing sync.Mutex
	// Until when a token stays as it is: it could not be renewed, or was just now.
	stays map[string]time.Time
}

// edit is a value that is to be saved.
type edit struct{ section, key, value string }

func newCarefulFile() *carefulFile {
	return &carefulFile{Storage: &configfile.Storage{}, stays: map[string]time.Time{}}
}

func (f *carefulFile) SetValue(section, key, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if old, found := f.Storage.GetValue(section, key); found && old == value {
		return
	}
	f.Storage.SetValue(section, key, value)
	f.edits = append(f.edits, edit{section, key, value})
	if key == config.ConfigToken {
		hideToken(value)
	}
}

func (f *carefulFile) DeleteKey(section, key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.whole = true
	return f.Storage.DeleteKey(section, key)
}

func (f *carefulFile) DeleteSection(section string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.whole = true
	f.Storage.DeleteSection(section)
}

// GetValue gives a token that lasts for a while: whoever reads one is about to use it.
func (f *carefulFile) GetValue(section, key string) (string, bool) {
	if key == config.ConfigToken && f.values != nil {
		f.renew(section)
	}
	return f.Storage.GetValue(section, key)
}

// pause is how long a token is not tried again that could not be renewed.
const pause = 20 * time.Second

// renew gets a new token if that of the section is about to end. If it cannot, the old one
// stays, and who uses it learns why.
func (f *carefulFile) renew(section string) {
	f.renewing.Lock()
	defer f.renewing.Unlock()
	due := func() (*oauth2.Token, string) {
		text, _ := f.Storage.GetValue(section, config.ConfigToken)
		token := &oauth2.Token{}
		if json.Unmarshal([]byte(text), token) != nil || !login.IsDue(token) || time.Now().Before(f.stays[text]) {
			return nil, ""
		}
		return token, text
	}
	kind, _ := f.Storage.GetValue(section, "type")
	info, err := fs.Find(kind)
	if token, _ := due(); token == nil || err != nil || !login.Wanted(info) {
		return
	}
	// Another poof may do so at this moment, and then it is there.
	defer f.alone()()
	if err := f.Load(); err != nil {
		return
	}
	old, text := due()
	if old == nil {
		return
	}
	values := map[string]string{}
	for _, key := range f.values.GetKeyList(section) {
		if key != config.ConfigToken {
			values[key], _ = f.values.GetValue(section, key)
		}
	}
	token, err := login.Renew(context.Background(), info, section, values, old)
	if err != nil {
		fs.Debugf(section, "The login cannot be renewed: %v", err)
		f.stays[text] = time.Now().Add(pause)
		return
	}
	renewed, err := json.Marshal(token)
	if err != nil {
		return
	}
	// Some do not last as long as others are renewed before their end.
	f.stays[string(renewed)] = token.Expiry.Add(-login.Last)
	f.SetValue(section, config.ConfigToken, string(renewed))
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.save(); err != nil {
		fs.Errorf(section, "The renewed login cannot be saved: %v", err)
		unsaved.Store(Scrub(err.Error()))
		return
	}
	unsaved.Store("")
}

// unsaved is why a renewed login is in memory alone.
var unsaved atomic.Value

// longestRenewal is how long another process may take to renew.
const longestRenewal = 90 * time.Second

// alone keeps other processes that renew off the file, until what it gives is called. Where
// the file system has no locks there is nobody to wait for. The directory is not locked:
// that of a file for a trial is locked by poof itself.
func (f *carefulFile) alone() func() {
	nobody := func() {}
	if f.values == nil {
		return nobody
	}
	for end := time.Now().Add(longestRenewal); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		file, err := os.Open(config.GetConfigPath())
		if err != nil {
			return nobody
		}
		free := func() { _ = file.Close() }
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		// Whoever had the lock may have put another file in the place of this one.
		if !errors.Is(err, unix.EWOULDBLOCK) && (err != nil || isInPlace(file)) {
			return free
		}
		free()
	}
	return nobody
}

// isInPlace tells whether an open file is the configuration.
func isInPlace(file *os.File) bool {
	open, err := file.Stat()
	there, err2 := os.Stat(config.GetConfigPath())
	return err == nil && err2 == nil && os.SameFile(open, there)
}

// Save writes what was set since the last time.
func (f *carefulFile) Save() error {
	defer f.alone()()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.save()
}

func (f *carefulFile) save() error {
	if !f.whole && len(f.edits) == 0 {
		return nil
	}
	path := config.GetConfigPath()
	text, err := decrypted(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	fits := !f.whole && err == nil
	for _, edit := range f.edits {
		if fits {
			text, fits = edit.into(text)
		}
	}
	if !fits {
		err = f.Storage.Save()
	} else if err = replace(path, text); err == nil {
		err = f.Load()
	}
	if err == nil {
		f.edits, f.whole = nil, false
	}
	return err
}

// decrypted is the text of the file, of which nothing but what is in memory is in clear.
func decrypted(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	plain, err := config.Decrypt(file)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(plain)
	return string(text), err
}

// replace puts a text in the place of the file, encrypted if that is.
func replace(path, text string) error {
	// A link stays, and what it leads to is replaced.
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	var content bytes.Buffer
	if err := config.Encrypt(strings.NewReader(text), &content); err != nil {
		return err
	}
	// With mode 0600, and a name that no backup takes (src/base/files.rs).
	temporary, err := os.CreateTemp(filepath.Dir(target), ".poof-private-")
	if err != nil {
		return err
	}
	_, err = temporary.Write(content.Bytes())
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), target)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
		return err
	}
	dir, err := os.Open(filepath.Dir(target))
	if err != nil {
		return err
	}
	// It is in its place; some file systems cannot say when that lasts.
	_ = dir.Sync()
	return dir.Close()
}

// into gives the text with the value in the line of its key, or in a line behind the last
// of the section. False: there is no such section, or a line cannot hold the value as it is.
func (e edit) into(text string) (string, bool) {
	if strings.ContainsAny(e.value, "`\r\n") || strings.HasPrefix(e.value, `"`) || strings.Contains(e.value, "%(") ||
		strings.TrimSpace(e.value) != e.value {
		return text, false
	}
	lines := strings.Split(text, "\n")
	inside, behind, found := false, 0, false
	for i, line := range lines {
		trimmed := strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
			continue
		case trimmed[0] == '[':
			inside = strings.TrimSpace(strings.Trim(trimmed, "[]")) == e.section
			if inside {
				behind = i + 1
			}
			continue
		case !inside:
			continue
		}
		behind = i + 1
		at := strings.IndexAny(line, "=:")
		if at < 0 || strings.TrimSpace(line[:at]) != e.key {
			continue
		}
		found = true
		rest := line[at+1:]
		lead := rest[:len(rest)-len(strings.TrimLeft(rest, " \t"))]
		if strings.TrimSpace(rest) == "" {
			lead = " "
		}
		lines[i] = line[:at+1] + lead + e.value + ending(line)
	}
	if behind == 0 {
		return text, false
	}
	if !found {
		line := e.key + " = " + e.value + ending(lines[behind-1])
		lines = append(lines[:behind], append([]string{line}, lines[behind:]...)...)
	}
	return strings.Join(lines, "\n"), true
}

// ending is what a line has before its end in files of Windows.
func ending(line string) string {
	if strings.HasSuffix(line, "\r") {
		return "\r"
	}
	return ""
}
