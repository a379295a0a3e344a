package calls

import (
	"context"
	"slices"
	"testing"

	_ "github.com/rclone/rclone/backend/alias"
	_ "github.com/rclone/rclone/backend/s3"
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
