package calls

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/rclone/rclone/backend/crypt"
	_ "github.com/rclone/rclone/backend/s3"
	"github.com/rclone/rclone/fs/config/obscure"
	"github.com/rclone/rclone/fs/rc"
)

func init() {
	rc.Add(rc.Call{Path: "test/panic", Fn: func(context.Context, rc.Params) (rc.Params, error) {
		panic("at the disco")
	}})
}

func TestAPanicIsAFailure(t *testing.T) {
	if out := Call("test/panic", `{}`); !strings.Contains(out, `"failure"`) {
		t.Error(out)
	}
}

func TestTheInputIsNotEchoed(t *testing.T) {
	for _, method := range []string{"no/such", "operations/list"} {
		if out := Call(method, `{"fs": 1, "secret": "hunter2hunter2"}`); strings.Contains(out, "hunter2") {
			t.Errorf("%s: %s", method, out)
		}
	}
}

func TestAnUnknownOptionIsRefused(t *testing.T) {
	for _, input := range []string{`{"_config": {"Transferz": 1}}`, `{"_filter": {"FilesFrom00": []}}`} {
		if out := Call("rc/noop", input); !strings.Contains(out, "rclone has no option") {
			t.Errorf("%s: %s", input, out)
		}
	}
	if out := Call("rc/noop", `{"_config": {"Transfers": 1}}`); !strings.Contains(out, `"reply"`) {
		t.Error(out)
	}
}

func TestSecretsAreScrubbedObscuredAndRevealed(t *testing.T) {
	const clear = "correct-horse-battery"
	path := filepath.Join(t.TempDir(), "rclone.conf")
	text := "[m]\ntype = s3\nsecret_access_key = AKIAHUNTER2\nregion = somewhere\n" +
		"[c]\ntype = crypt\nremote = m:b\npassword = " + obscure.MustObscure(clear) + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := Call("poof/config", `{"path": "`+path+`"}`); strings.Contains(out, "failure") {
		t.Fatal(out)
	}
	got := Scrub("key AKIAHUNTER2, password " + clear + ", region somewhere")
	if got != "key ***, password ***, region somewhere" {
		t.Error(got)
	}
}
