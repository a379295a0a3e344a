package calls

import (
	"context"
	"slices"
	"strings"
	"testing"

	_ "github.com/rclone/rclone/backend/alias"
	_ "github.com/rclone/rclone/backend/crypt"
	_ "github.com/rclone/rclone/backend/s3"
	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/config/obscure"
	"github.com/rclone/rclone/fs/rc"
)

func TestTheKeysOfASectionAreThoseOfItsType(t *testing.T) {
	of := func(kind string) rc.Params {
		out, err := sectionKeys(context.Background(), rc.Params{"kind": kind})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	s3 := of("s3")
	for _, key := range []string{"type", "description", "access_key_id", "storage_class", "chunk_size"} {
		if !slices.Contains(s3["keys"].([]string), key) {
			t.Errorf("s3 lacks %s", key)
		}
	}
	if slices.Contains(of("alias")["keys"].([]string), "access_key_id") {
		t.Error("an alias has no keys of s3")
	}
	if !slices.Contains(s3["overrides"].([]string), "ca_cert") {
		t.Error("override.ca_cert is not known")
	}
	if out := of("nonsense"); out["known"].(bool) || !slices.Contains(out["types"].([]string), "alias") {
		t.Errorf("%v", out)
	}
}

func TestAValueThatRcloneDoesNotTakeIsFound(t *testing.T) {
	wrong := func(kind string, values map[string]any) []wrongValue {
		out, err := sectionValues(context.Background(), rc.Params{"kind": kind, "values": values})
		if err != nil {
			t.Fatal(err)
		}
		return out["wrong"].([]wrongValue)
	}
	found := wrong("s3", map[string]any{
		"chunk_size": "8Q", "upload_concurrency": "many", "env_auth": "perhaps", "copy_cutoff": "", "region": "x",
	})
	slices.SortFunc(found, func(a, b wrongValue) int { return strings.Compare(a.Key, b.Key) })
	expected := []wrongValue{{"chunk_size", "SizeSuffix"}, {"env_auth", "bool"}, {"upload_concurrency", "int"}}
	if !slices.Equal(found, expected) {
		t.Errorf("%v", found)
	}
	good := map[string]any{"chunk_size": "8M", "env_auth": "true", "use_multipart_etag": "unset", "encoding": "Slash"}
	if found := wrong("s3", good); len(found) > 0 {
		t.Errorf("%v", found)
	}
	crypt := map[string]any{"password": "hunter2", "password2": obscure.MustObscure("good"), "remote": "a:b"}
	if found := wrong("crypt", crypt); !slices.Equal(found, []wrongValue{{"password", "obscured"}}) {
		t.Errorf("%v", found)
	}
	// Its own defaults are no mistakes, whatever the type.
	for _, info := range fs.Registry {
		values := map[string]any{}
		for _, option := range info.Options {
			if !option.IsPassword {
				values[option.Name] = option.String()
			}
		}
		if found := wrong(info.Name, values); len(found) > 0 {
			t.Errorf("%s: %v", info.Name, found)
		}
	}
}
