package calls

import (
	"strings"
	"testing"
)

func TestAPatternBecomesWhatRcloneMakesOfIt(t *testing.T) {
	for pattern, want := range map[string]rule{
		"a":    {File: `(?:(?:(?:\A|[\x{2f}-\x{2f}]))[\x{61}-\x{61}]\z)`},
		"/a/":  {File: `(?:\A[\x{61}-\x{61}][\x{2f}-\x{2f}](?:[\x{0}-\x{9}\x{b}-\x{10ffff}])*\z)`},
		"/{a}": {File: `(?:\A(?:[\x{61}-\x{61}])\z)`},
	} {
		got, err := ruleOf(pattern)
		if strings.HasSuffix(pattern, "/") {
			want.Dir = want.File
		}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", pattern, got, err)
		}
	}
}

func TestWhatIsNoPatternIsSaid(t *testing.T) {
	for _, pattern := range []string{"a]", "[", "{a", "***", "{{(}}", "{{a{1001}}}"} {
		if got, err := ruleOf(pattern); err == nil {
			t.Errorf("%s: %+v", pattern, got)
		}
	}
	out := Call("poof/exclude", `{"patterns": ["a", "["]}`)
	if !strings.Contains(out, `"why":"mismatched '[' and ']' in glob`) {
		t.Error(out)
	}
}
