package calls

import (
	"fmt"
	"unicode/utf8"
)

// How many characters of the begin and of the end of a text are shown, where it is a server
// that may have written it. What wraps an error has the reason at its end.
const (
	longestBegin = 300
	longestEnd   = 100
)

// Shorten takes the middle out of a text that is longer than anybody reads. It comes after
// Scrub, which would not know half of a secret.
func Shorten(text string) string {
	if len(text) <= longestBegin+longestEnd {
		return text
	}
	more := utf8.RuneCountInString(text) - longestBegin - longestEnd
	if more <= 0 {
		return text
	}
	begin, end := 0, len(text)
	for range longestBegin {
		_, size := utf8.DecodeRuneInString(text[begin:])
		begin += size
	}
	for range longestEnd {
		_, size := utf8.DecodeLastRuneInString(text[:end])
		end -= size
	}
	return fmt.Sprintf("%s [… %d characters more] %s", text[:begin], more, text[end:])
}
