package calls

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/config/obscure"
	"github.com/rclone/rclone/fs/rc"
)

func init() {
	rc.Add(rc.Call{Path: "poof/keys", Fn: sectionKeys})
	rc.Add(rc.Call{Path: "poof/values", Fn: sectionValues})
}

// saved are the keys that rclone writes into a section of its own accord and has no
// option for: m.Set in backend/ and lib/oauthutil of rclone 1.76.
var saved = map[string][]string{
	"cache":       {"password", "type"},
	"iclouddrive": {"_auth_session"},
	"internxt":    {"bucket"},
	"jottacloud": {
		"auth_code", "client_id", "client_secret", "configVersion", "device", "mountpoint",
		"password", "tokenURL", "username",
	},
	"pikpak":    {"captcha_token"},
	"sugarsync": {"username"},
}

// sectionKeys names what may stand in a section of a type of remote.
//
// Parameters: kind. Results: known (rclone has this type), types (all of them), keys (of
// that type), overrides (what may follow "override." and "global."), flags (of the keys
// those whose value is no free text).
func sectionKeys(_ context.Context, in rc.Params) (rc.Params, error) {
	kind, err := in.GetString("kind")
	if err != nil {
		return nil, err
	}
	types, keys, flags := []string{}, []string{"type", "description"}, []string{}
	for _, info := range fs.Registry {
		types = append(types, info.Name)
	}
	slices.Sort(types)
	info, err := fs.Find(kind)
	if err == nil {
		keys = append(keys, saved[info.Name]...)
		for _, option := range info.Options {
			keys = append(keys, option.Name)
			if _, isText := option.Default.(string); !isText || option.Exclusive {
				flags = append(flags, option.Name)
			}
		}
	}
	overrides := []string{}
	for _, option := range fs.ConfigOptionsInfo {
		overrides = append(overrides, strings.ReplaceAll(option.Name, "-", "_"))
	}
	return rc.Params{
		"known": err == nil, "types": types, "keys": keys, "overrides": overrides, "flags": flags,
	}, nil
}

// wrongValue is a setting whose value rclone does not take.
type wrongValue struct {
	Key  string `json:"key"`
	Want string `json:"want"` // rclone's type of it, or "obscured"
}

// sectionValues finds the values that rclone does not take when it makes a remote of the
// section. It says what each should be, and quotes none.
//
// Parameters: kind, values (of the section). Results: wrong.
func sectionValues(_ context.Context, in rc.Params) (rc.Params, error) {
	kind, err := in.GetString("kind")
	if err != nil {
		return nil, err
	}
	var values map[string]string
	if err := in.GetStruct("values", &values); err != nil {
		return nil, errors.New("the values are not of the form that is expected")
	}
	wrong := []wrongValue{}
	if info, err := fs.Find(kind); err == nil {
		for _, option := range info.Options {
			value := values[option.Name]
			switch {
			case value == "":
				// As if it were not there.
			case option.IsPassword:
				if _, err := obscure.Reveal(value); err != nil {
					wrong = append(wrong, wrongValue{Key: option.Name, Want: "obscured"})
				}
			case option.Copy().Set(value) != nil:
				wrong = append(wrong, wrongValue{Key: option.Name, Want: option.Type()})
			}
		}
	}
	return rc.Params{"wrong": wrong}, nil
}
