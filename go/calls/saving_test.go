package calls

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rclone/rclone/fs/config"
	"golang.org/x/sys/unix"
)

const commented = "# mine\n\n[other]\ntype = s3\n\n[s]\n; about the type\ntype=drive\ntoken: old\nscope = drive\n# the end of it\n\n[t]\ntoken = another\n# the end\n"

// save sets a value as rclone does, in the file of that text, and gives what is there then.
func save(t *testing.T, path, section, key, value string) string {
	t.Helper()
	ask(t, "poof/config", map[string]any{"path": path})
	if err := config.SetValueAndSave(section, key, value); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Hazards 19 and 54.
func TestARenewedTokenIsSavedAndNothingElseOfTheFileChanges(t *testing.T) {
	const token = `{"access_token":"a=b:c","refresh_token":"r"}`
	path := configFile(t, commented)
	if got := save(t, path, "s", "token", token); got != strings.Replace(commented, "token: old", "token: "+token, 1) {
		t.Errorf("%s", got)
	}
	if value, _ := config.LoadedData().GetValue("s", "token"); value != token {
		t.Error(value)
	}
	path = configFile(t, commented)
	if got := save(t, path, "s", "drive_id", "x"); got != strings.Replace(commented, "scope = drive\n", "scope = drive\ndrive_id = x\n", 1) {
		t.Errorf("%s", got)
	}
	windows := strings.ReplaceAll(commented, "\n", "\r\n")
	path = configFile(t, windows)
	if got := save(t, path, "s", "token", token); got != strings.Replace(windows, "token: old", "token: "+token, 1) {
		t.Errorf("%q", got)
	}
}

func TestAFileBehindALinkIsReplacedAndNothingIsLeftBeside(t *testing.T) {
	path := configFile(t, commented)
	link := filepath.Join(filepath.Dir(path), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	save(t, link, "s", "token", "new")
	if text, _ := os.ReadFile(path); !strings.Contains(string(text), "token: new") {
		t.Errorf("%s", text)
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error(info, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	if all, _ := os.ReadDir(filepath.Dir(path)); len(all) != 2 {
		t.Error(all)
	}
}

func TestWhatALineCannotHoldAndANewSectionAreSavedAsRcloneDoes(t *testing.T) {
	for _, value := range []string{"a`b", "\"q\"", " x"} {
		save(t, configFile(t, commented), "s", "description", value)
	}
	if got := save(t, configFile(t, commented), "new", "type", "alias"); !strings.Contains(got, "[new]\ntype = alias") {
		t.Errorf("%s", got)
	}
}

func TestWhatIsSetWhileTheFileIsChangedByAnotherIsInBoth(t *testing.T) {
	path := configFile(t, commented)
	ask(t, "poof/config", map[string]any{"path": path})
	config.FileSetValue("s", "token", "new")
	changed := strings.Replace(commented, "scope = drive", "scope = drive.file", 1)
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	config.SaveConfig()
	text, _ := os.ReadFile(path)
	if want := strings.Replace(changed, "token: old", "token: new", 1); string(text) != want {
		t.Errorf("%s", text)
	}
}

func TestARenewedTokenIsHiddenInWhatIsSaid(t *testing.T) {
	save(t, configFile(t, commented), "s", "token", `{"access_token":"ACCESS-1","refresh_token":"REFRESH-1"}`)
	if said := Scrub("it says ACCESS-1 and REFRESH-1"); said != "it says *** and ***" {
		t.Error(said)
	}
}

// SFTP saves what it has found out about a server, also while a remote is tried, and poof
// holds a lock on the directory of a trial.
func TestALockOnTheDirectoryIsNoReasonToWait(t *testing.T) {
	path := configFile(t, commented)
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dir.Close() }()
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ask(t, "poof/config", map[string]any{"path": path, "renews": true})
	start := time.Now()
	if err := config.SetValueAndSave("s", "description", "new"); err != nil || time.Since(start) > 10*time.Second {
		t.Error(err, time.Since(start))
	}
}
