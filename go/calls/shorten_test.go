package calls

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWhatAServerSaysIsCutAtWholeCharactersAndSaysSo(t *testing.T) {
	for _, same := range []string{"", "short", strings.Repeat("å", longestBegin+longestEnd)} {
		if Shorten(same) != same {
			t.Errorf("%q", Shorten(same))
		}
	}
	for _, text := range []string{
		"begin " + strings.Repeat("å", 100_000) + " end", "begin " + strings.Repeat("x", 401) + " end",
		"begin " + strings.Repeat("\xff", 1000) + " end",
	} {
		short := Shorten(text)
		if utf8.ValidString(text) != utf8.ValidString(short) || len(short) > 1000 {
			t.Errorf("%d bytes: %q", len(short), short)
		}
		if !strings.HasPrefix(short, "begin ") || !strings.HasSuffix(short, " end") || !strings.Contains(short, " characters more] ") {
			t.Errorf("%q", short)
		}
	}
	long := strings.Repeat("x", 100_000)
	failure := Classify(api{long, "said: " + long})
	if len(failure.Text) > 500 || len(failure.Code) > 500 {
		t.Errorf("%d and %d bytes", len(failure.Text), len(failure.Code))
	}
}
