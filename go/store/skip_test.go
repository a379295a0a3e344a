package store

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// What a machine lacks, in the words of tests/it/harness/skip.rs.
const (
	lacksMount      = "mount"
	lacksFileSystem = "file-system"
)

// skipped says that the test leaves something out because this machine lacks what it
// takes; scripts/count-skipped.sh counts it. The test goes on.
func skipped(t *testing.T, lacks, format string, a ...any) {
	t.Helper()
	why := strings.ReplaceAll(fmt.Sprintf(format, a...), "\n", " ")
	t.Logf("skipped: %s: %s", lacks, why)
	// That the environment is asked for it keeps Go from remembering the result.
	path := os.Getenv("POOF_SKIPPED")
	if path == "" {
		return
	}
	list, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = list.Close() }()
	if _, err := fmt.Fprintf(list, "%s\t%s\t%s\n", lacks, t.Name(), why); err != nil {
		t.Fatal(err)
	}
}

// tests/it/skips.rs runs it.
func TestASkipIsCounted(t *testing.T) {
	if os.Getenv("POOF_TEST_SKIPS") != "" {
		skipped(t, lacksFileSystem, "no such\nthing")
	}
}
