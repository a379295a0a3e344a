package store

import (
	"errors"
	"io"
	"sync"

	"github.com/rclone/rclone/backend/crypt"
	"github.com/rclone/rclone/fs/config/configmap"
	"github.com/rclone/rclone/fs/config/configstruct"
)

// keys are the ciphers of one configuration of crypt. They are kept, since
// making one derives its keys with scrypt, which takes longer than a request.
type keys struct {
	opt        crypt.Options
	cipher     *crypt.Cipher
	fixedNonce fixedNonce
}

var made struct {
	sync.Mutex
	keys map[crypt.Options]*keys
}

func keysOf(config configmap.Mapper) (*keys, error) {
	opt := crypt.Options{}
	if err := configstruct.Set(config, &opt); err != nil {
		return nil, err
	}
	made.Lock()
	defer made.Unlock()
	if k := made.keys[opt]; k != nil {
		return k, nil
	}
	cipher, err := crypt.NewCipher(config)
	if err != nil {
		return nil, err
	}
	k := &keys{opt: opt, cipher: cipher, fixedNonce: fixedNonce{config: config}}
	if made.keys == nil {
		made.keys = map[crypt.Options]*keys{}
	}
	made.keys[opt] = k
	return k, nil
}

// fixedNonce is a cipher that takes the nonces that it is given. rclone reads one
// from a field of the cipher when an encryption begins (newEncrypter in
// backend/crypt).
type fixedNonce struct {
	config configmap.Mapper
	mu     sync.Mutex
	cipher *crypt.Cipher // made when it is first needed
	next   []byte
}

func (a *fixedNonce) Read(p []byte) (int, error) { return copy(p, a.next), nil }

// encrypt gives plain as it was encrypted for the object that begins with head.
func (a *fixedNonce) encrypt(head []byte, plain io.Reader) (io.Reader, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cipher == nil {
		cipher, err := crypt.NewCipher(a.config)
		if err != nil {
			return nil, err
		}
		if !setHidden[io.Reader](cipher, "cryptoRand", a) {
			return nil, errors.New("the source of nonces is not where it was")
		}
		a.cipher = cipher
	}
	a.next = head[8:]
	return a.cipher.EncryptData(plain)
}
