package calls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rclone/rclone/fs/rc"
)

func init() {
	rc.Add(rc.Call{Path: "poof/ping", Fn: ping})
}

// A monitor answers at once, or it is down.
const pingPatience = 10 * time.Second

// ping tells a monitor how a run went.
//
// Parameters: url (http or https), body. The address is a secret, and is in no
// error: whoever knows it can report in our name.
func ping(ctx context.Context, in rc.Params) (rc.Params, error) {
	address, err := in.GetString("url")
	if err != nil {
		return nil, err
	}
	body, err := in.GetString("body")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, pingPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil || request.URL.Scheme != "http" && request.URL.Scheme != "https" || request.URL.Host == "" {
		return nil, errors.New("the address to ping is none of http or https")
	}
	request.Header.Set("User-Agent", "poof")
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	client := &http.Client{CheckRedirect: followed}
	response, err := client.Do(request)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	// So that the server has said all it wants; nobody reads it.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("the answer is %d %s", response.StatusCode, http.StatusText(response.StatusCode))
	}
	return nil, nil
}

// followed lets a redirect pass that leads to the web and to nothing less
// protected than before.
func followed(to *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= 5:
		return errors.New("it is redirected too often")
	case to.URL.Scheme == "https", to.URL.Scheme == "http" && via[0].URL.Scheme == "http":
		return nil
	default:
		return errors.New("it is redirected to what is not https")
	}
}
