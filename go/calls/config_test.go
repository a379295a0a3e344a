package calls

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rclone/rclone/fs/config"
	"github.com/rclone/rclone/fs/config/obscure"

	"bridge/host"
)

func init() {
	// As the program does.
	host.Restrict()
}

const plainText = "# mine\n[s]\ntype = s3\naccess_key_id = k\n"

// ask calls method and decodes its reply.
func ask(t *testing.T, method string, input map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	var out struct{ Reply, Failure map[string]any }
	if err := json.Unmarshal([]byte(Call(method, string(text))), &out); err != nil {
		t.Fatal(err)
	}
	if out.Failure != nil {
		t.Fatal(method, out.Failure)
	}
	return out.Reply
}

func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rclone.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// rclone saves the file of its own accord, with a token that it has refreshed.
func TestASecretIsReadAndNeverSaved(t *testing.T) {
	path := configFile(t, plainText)
	ask(t, "poof/config", map[string]any{"path": path, "secrets": []map[string]string{
		{"section": "s", "key": "secret_access_key", "value": "hunter2"},
		{"section": "s", "key": "access_key_id", "value": "hunter3"},
	}})
	get := func() map[string]any { return ask(t, "config/get", map[string]any{"name": "s"}) }
	if got := get(); got["secret_access_key"] != "hunter2" || got["access_key_id"] != "hunter3" || got["type"] != "s3" {
		t.Error(got)
	}
	config.LoadedData().SetValue("s", "secret_access_key", "hunter4")
	config.LoadedData().SetValue("s", "region", "r")
	config.SaveConfig()
	if got := get(); got["secret_access_key"] != "hunter4" || got["region"] != "r" {
		t.Error(got)
	}
	text, _ := os.ReadFile(path)
	if strings.Contains(string(text), "hunter") || !strings.Contains(string(text), "region = r") {
		t.Errorf("%s", text)
	}
	if said := Scrub("it says hunter2 and k"); strings.Contains(said, "hunter2") {
		t.Error(said)
	}
	ask(t, "poof/config", map[string]any{"path": path})
	if got := get(); got["secret_access_key"] != nil || got["access_key_id"] != "k" {
		t.Error("the secrets of another configuration are there still:", got)
	}
}

func TestAnEncryptedFileOpensWithItsPasswordAndIsSavedEncrypted(t *testing.T) {
	locked := ask(t, "poof/lock", map[string]any{"text": plainText, "password": "of the file"})["text"]
	if !strings.HasPrefix(locked.(string), "# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\n") {
		t.Fatal(locked)
	}
	open := func(password string) map[string]any {
		return ask(t, "poof/unlock", map[string]any{"text": locked, "password": password})
	}
	if got := open("of the file"); got["text"] != plainText || got["opened"] != true {
		t.Error(got)
	}
	if got := open("another"); got["text"] != "" || got["opened"] != false {
		t.Error(got)
	}
	path := configFile(t, locked.(string))
	ask(t, "poof/config", map[string]any{"path": path, "password": "of the file"})
	if got := ask(t, "config/get", map[string]any{"name": "s"}); got["access_key_id"] != "k" {
		t.Error(got)
	}
	config.LoadedData().SetValue("s", "region", "r")
	config.SaveConfig()
	text, _ := os.ReadFile(path)
	if strings.Contains(string(text), "region") {
		t.Errorf("%s", text)
	}
	locked = string(text)
	if got := open("of the file"); !strings.Contains(got["text"].(string), "region = r") {
		t.Error(got)
	}
	// Another file is not encrypted for that.
	other := configFile(t, plainText)
	ask(t, "poof/config", map[string]any{"path": other})
	config.SaveConfig()
	if text, _ := os.ReadFile(other); !strings.Contains(string(text), "access_key_id = k") {
		t.Errorf("%s", text)
	}
}

func TestBothFormsOfASetting(t *testing.T) {
	hidden := obscure.MustObscure("the pass word")
	for _, test := range []struct {
		kind, key, value string
		obscured         bool
		want             map[string]any
	}{
		{"s3", "secret_access_key", "x", false, map[string]any{"known": true, "password": false, "clear": "x", "form": "x", "doubtful": false}},
		{"s3", "secret_acces_key", "x", false, map[string]any{"known": false}},
		{"nonsense", "x", "x", false, map[string]any{"known": true, "password": false}},
		{"crypt", "password", "x", false, map[string]any{"known": true, "password": true, "clear": "x", "doubtful": false}},
		{"crypt", "password", hidden, true, map[string]any{"clear": "the pass word", "form": hidden, "doubtful": false}},
		{"crypt", "password", "not obscured", true, map[string]any{"clear": ""}},
		{"crypt", "password", hidden, false, map[string]any{"clear": hidden, "doubtful": true}},
		// As poof itself makes passwords: 32 random bytes.
		{"crypt", "password", "vGJIwI2bWnCkJrS8Jv2cQmAV3vWZtBbmWkMBn4b1yM8", false, map[string]any{"doubtful": false}},
	} {
		got := ask(t, "poof/option", map[string]any{"kind": test.kind, "key": test.key, "value": test.value, "obscured": test.obscured})
		for key, want := range test.want {
			if got[key] != want {
				t.Errorf("%s.%s %q: %s is %v, want %v", test.kind, test.key, test.value, key, got[key], want)
			}
		}
		if got["password"] == true && !test.obscured && obscure.MustReveal(got["form"].(string)) != test.value {
			t.Error(got)
		}
	}
}
