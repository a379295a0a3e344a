package calls

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func pinged(t *testing.T, address string) string {
	t.Helper()
	input, err := json.Marshal(map[string]string{"url": address, "body": "exit code 4"})
	if err != nil {
		t.Fatal(err)
	}
	return Call("poof/ping", string(input))
}

func TestAPingIsAPostWithWhatItIsTold(t *testing.T) {
	var heard []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard = append(heard, r.Method+" "+r.URL.String()+" "+string(body))
		switch r.URL.Path {
		case "/gone":
			w.WriteHeader(http.StatusNotFound)
		case "/moved":
			http.Redirect(w, r, "/id?a=b", http.StatusTemporaryRedirect)
		case "/file":
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	if out := pinged(t, server.URL+"/id?a=b"); !strings.Contains(out, "reply") {
		t.Error(out)
	}
	if out := pinged(t, server.URL+"/moved"); !strings.Contains(out, "reply") {
		t.Error(out)
	}
	want := "POST /id?a=b exit code 4"
	if len(heard) != 3 || heard[0] != want || heard[2] != want {
		t.Error(heard)
	}
	for path, words := range map[string]string{
		"/gone":  "404 Not Found",
		"/file":  "not https",
		"/round": "too often",
	} {
		if out := pinged(t, server.URL+path); !strings.Contains(out, words) || !strings.Contains(out, "failure") {
			t.Errorf("%s: %s", path, out)
		}
	}
}

func TestAnAddressToPingIsInNoError(t *testing.T) {
	for _, address := range []string{
		"http://127.0.0.1:1/hunter2", "file:///hunter2", "hunter2", "http://%zz/hunter2", "https:hunter2",
	} {
		out := pinged(t, address)
		if !strings.Contains(out, "failure") || strings.Contains(out, "hunter2") {
			t.Errorf("%s: %s", address, out)
		}
	}
}

func TestWhatIsProtectedIsNotRedirectedToWhatIsNot(t *testing.T) {
	open := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("it was followed")
	}))
	defer open.Close()
	to, _ := http.NewRequest(http.MethodPost, open.URL, nil)
	from, _ := http.NewRequest(http.MethodPost, "https://example.org/", nil)
	if err := followed(to, []*http.Request{from}); err == nil {
		t.Error("https may become http")
	}
}
