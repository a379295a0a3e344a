package login

import (
	"context"
	"errors"
	"maps"
	"strings"
	"time"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/config/configmap"
	"github.com/rclone/rclone/fs/fshttp"
	"github.com/rclone/rclone/lib/oauthutil"
	"golang.org/x/oauth2"
)

// margin is how long before its end a token is renewed. Before the last ten seconds of one
// rclone does it itself, in each of its connections.
const margin = 30 * time.Second

// Last is when rclone does so, and a little more.
const Last = 11 * time.Second

// IsDue tells whether a token has to be renewed, and can be.
func IsDue(token *oauth2.Token) bool {
	return token.RefreshToken != "" && !token.Expiry.IsZero() && time.Until(token.Expiry) < margin
}

// Renew gives the token that comes after old. values are those of the section.
func Renew(ctx context.Context, info *fs.RegInfo, section string, values map[string]string, old *oauth2.Token) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(patient(ctx), patience)
	defer cancel()
	credentials, err := credentialsOf(ctx, info, section, values)
	if err != nil {
		return nil, err
	}
	if credentials.ClientCredentialFlow {
		return nil, errors.New("rclone gets these tokens itself")
	}
	ctx = oauthutil.Context(ctx, fshttp.NewClient(ctx))
	spent := &oauth2.Token{RefreshToken: old.RefreshToken}
	token, err := credentials.MakeOauth2Config().TokenSource(ctx, spent).Token()
	if err != nil {
		return nil, failed(err)
	}
	// Zoho has a word of its own, which its server does not say.
	if old.TokenType != "" && !strings.EqualFold(old.TokenType, "bearer") {
		token.TokenType = old.TokenType
	}
	return token, nil
}

// credentialsOf goes through the states of the backend until it says how to log in.
func credentialsOf(ctx context.Context, info *fs.RegInfo, section string, values map[string]string) (*oauthutil.Config, error) {
	l := &Login{request: Request{Values: values}, info: info, values: configmap.Simple{}, hide: func(string) {}}
	maps.Copy(l.values, values)
	m, in := l.mapper(), fs.ConfigIn{}
	for number := range mostSteps {
		out, err := info.Config(ctx, section, m, in)
		switch {
		case err != nil:
			return nil, err
		case out == nil || out.Error != "":
			return nil, errors.New("these settings want no login")
		case out.OAuth != nil:
			_, credentials, err := credentials(section, m, out.OAuth)
			return credentials, err
		}
		in = fs.ConfigIn{State: out.State, Result: out.Result}
		if out.Option != nil {
			if in.Result, err = l.decide(ctx, number, out.Option); err != nil {
				return nil, err
			}
		}
	}
	return nil, errors.New("the login goes round in a circle")
}
