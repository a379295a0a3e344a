package calls

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/rclone/rclone/fs/rc"
)

func init() {
	rc.Add(rc.Call{Path: "poof/proxy", Fn: proxyOf})
}

// proxyVariables may hold the password of a proxy.
var proxyVariables = []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"}

// proxyOf finds out through which proxy of the environment a request would go, as the
// transport of rclone does.
//
// Parameters: url. Results: proxy (without its credentials) and variable; both are empty if
// there is none.
func proxyOf(ctx context.Context, in rc.Params) (rc.Params, error) {
	address, err := in.GetString("url")
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("it is no address")
	}
	proxy, err := http.ProxyFromEnvironment(request)
	scheme := strings.ToLower(request.URL.Scheme)
	variable := ""
	for _, name := range []string{strings.ToUpper(scheme) + "_PROXY", scheme + "_proxy"} {
		if variable == "" && os.Getenv(name) != "" {
			variable = name
		}
	}
	switch {
	case err != nil:
		// The error would show its password.
		return nil, errors.New(variable + " is no address of a proxy")
	case proxy == nil:
		return rc.Params{"proxy": "", "variable": ""}, nil
	}
	bare := url.URL{Scheme: proxy.Scheme, Host: proxy.Host}
	return rc.Params{"proxy": bare.String(), "variable": variable}, nil
}
