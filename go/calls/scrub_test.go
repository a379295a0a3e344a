package calls

import (
	"strings"
	"testing"

	_ "github.com/rclone/rclone/backend/alias"
)

func TestWhatIsSecretWithinAValueIsHidden(t *testing.T) {
	for _, test := range []struct{ line, said string }{
		{"sas_url = https://a.blob/c?sv=1&sig=hunt%2Fer2", "GET https://a.blob/c/x?comp=list&sig=hunt%2Fer2"},
		{"sas_url = https://a.blob/c?sv=1&sig=hunt%2Fer2", "signature hunt/er2 does not match"},
		{"connection_string = AccountName=a;AccountKey=hunter2==", "no such string: AccountName=a;AccountKey=hunter2=="},
		{"remote = :s3,provider=AWS,secret_access_key=hunter2:b", "cannot open secret hunter2"},
		{"remote = :webdav,url='https://joe:hunter2@h/':x", "PROPFIND https://joe:hunter2@h/x"},
		{"override.http_proxy = http://joe:hunter2@proxy:3128", "proxyconnect joe:hunter2@proxy"},
	} {
		ask(t, "poof/config", map[string]any{"path": configFile(t, "[s]\ntype = alias\n"+test.line+"\n")})
		got := Scrub(test.said)
		for _, secret := range []string{"hunter2", "hunt%2Fer2", "hunt/er2"} {
			if strings.Contains(got, secret) {
				t.Errorf("%s: %s", test.line, got)
			}
		}
	}
	// A value that is none stays.
	ask(t, "poof/config", map[string]any{"path": configFile(t, "[s]\ntype = alias\nremote = b,region=eu-west-1:x\n")})
	if got := Scrub("no bucket in eu-west-1"); got != "no bucket in eu-west-1" {
		t.Error(got)
	}
}
