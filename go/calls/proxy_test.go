package calls

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rclone/rclone/fs/config"
)

// The environment is read once in a process.
func TestTheProxyOfTheEnvironmentIsToldWithoutItsPassword(t *testing.T) {
	if url := os.Getenv("ASK_FOR_THE_PROXY_OF"); url != "" {
		rememberSecrets(config.LoadedData(), nil)
		t.Log(Call("poof/proxy", `{"url":"`+url+`"}`))
		t.Log(Classify(errors.New("lookup me:unspeakable@p and unspeakable")).Text)
		return
	}
	for _, test := range []struct{ variable, value, url, says string }{
		{"HTTP_PROXY", "http://me:unspeakable@p:3128", "http://h/", `"proxy":"http://p:3128","variable":"HTTP_PROXY"`},
		{"https_proxy", "me:unspeakable@p:3128", "https://h/", `"proxy":"http://p:3128","variable":"https_proxy"`},
		{"HTTPS_PROXY", "socks5://me:unspeakable@p:1", "https://h/", `"proxy":"socks5://p:1"`},
		{"HTTPS_PROXY", "http://me:unspeakable@p:3128", "http://h/", `"proxy":""`},
		{"HTTPS_PROXY", "http://me:unspeakable@p:3128", "https://127.0.0.1/", `"proxy":""`},
		{"HTTP_PROXY", "%zz:unspeakable@p", "http://h/", `"proxy":""`},
	} {
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		child.Env = []string{"HOME=" + t.TempDir(), "ASK_FOR_THE_PROXY_OF=" + test.url, test.variable + "=" + test.value}
		said, err := child.CombinedOutput()
		if err != nil || !strings.Contains(string(said), test.says) || strings.Contains(string(said), "unspeakable") {
			t.Errorf("%s=%s for %s: %v, %s", test.variable, test.value, test.url, err, said)
		}
	}
}
