package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/rclone/rclone/fs"
)

// SealSecret returns a secret made of the keys that crypt has made of the passwords of
// section. Whoever guesses at a password with it has to do the work of scrypt for each
// guess, as with any object of the remote.
func SealSecret(section string) ([]byte, error) {
	info, _, _, config, err := fs.ConfigFs(section + ":")
	if err != nil {
		return nil, err
	}
	if info.Name != "crypt" {
		return nil, fmt.Errorf("[%s] is not a crypt remote", section)
	}
	keys, err := keysOf(config)
	if err != nil {
		return nil, err
	}
	return keys.secret()
}

// secret cannot be turned back into the keys. rclone has them in unexported fields, and
// TestTheSealIsMadeOfTheStretchedKeys pins them.
func (k *keys) secret() ([]byte, error) {
	data, ok := hidden[[32]byte](k.cipher, "dataKey")
	name, isThere := hidden[[32]byte](k.cipher, "nameKey")
	tweak, too := hidden[[16]byte](k.cipher, "nameTweak")
	if !ok || !isThere || !too {
		return nil, errors.New("the keys of crypt are not where they were")
	}
	sum := hmac.New(sha256.New, []byte("poof: records of a crypt remote, 2"))
	for _, part := range [][]byte{data[:], name[:], tweak[:]} {
		_, _ = sum.Write(part)
	}
	return sum.Sum(nil), nil
}
