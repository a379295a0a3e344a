package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"testing"

	_ "github.com/rclone/rclone/backend/local"
	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/config/configmap"
	"github.com/rclone/rclone/fs/config/obscure"
)

// What is reached by reflection is not promised by anybody: a new version of
// rclone must be noticed here, not by a slow or blind backup.
func TestTheClientInsideIsReached(t *testing.T) {
	f, err := fs.NewFs(context.Background(), ":s3,provider=Minio,endpoint='http://127.0.0.1:9',env_auth=false:bucket/dir/")
	if err != nil {
		t.Fatal(err)
	}
	d := reach(f)
	if d == nil {
		t.Fatal("the s3 client is not where it was")
	}
	if d.bucket != "bucket" || d.key("a/b") != "dir/a/b" || d.opt.Provider != "Minio" {
		t.Errorf("bucket %q, key %q, provider %q", d.bucket, d.key("a/b"), d.opt.Provider)
	}
}

// What is sealed with it opens with every later version: made once with scrypt and HMAC
// of another language.
func TestTheSealIsMadeOfTheStretchedKeys(t *testing.T) {
	for _, c := range []struct{ password2, secret string }{
		{"two", "fc3764b6eaa209f45b87f0eac7e5d4fddff2ed69ad59abb8e3b310992cf73abe"},
		{"", "5209bf0004477e22eddf016214d07ffd452acf1f3c437abab7b344b32462156d"},
	} {
		config := configmap.Simple{
			"password":            obscure.MustObscure("one"),
			"filename_encryption": "off", "directory_name_encryption": "false", "suffix": "none",
			"filename_encoding": "base64",
		}
		if c.password2 != "" {
			config["password2"] = obscure.MustObscure(c.password2)
		}
		keys, err := keysOf(config)
		if err != nil {
			t.Fatal(err)
		}
		if secret, err := keys.secret(); err != nil || hex.EncodeToString(secret) != c.secret {
			t.Errorf("with %q: %x, %v", c.password2, secret, err)
		}
	}
}

func TestAnObjectIsEncryptedAgainAsItWas(t *testing.T) {
	config := configmap.Simple{
		"password": obscure.MustObscure("one"), "password2": obscure.MustObscure("two"),
		"filename_encryption": "standard", "directory_name_encryption": "true",
		"filename_encoding": "base32", "suffix": ".bin",
	}
	keys, err := keysOf(config)
	if err != nil {
		t.Fatal(err)
	}
	plain := bytes.Repeat([]byte("content "), 20000)
	in, err := keys.cipher.EncryptData(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	first, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	in, err = keys.fixedNonce.encrypt(first[:32], bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	second, err := io.ReadAll(in)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("not the same bytes: %v", err)
	}
	if kept, err := keysOf(config); err != nil || kept != keys {
		t.Errorf("the keys were derived twice: %v", err)
	}
}
