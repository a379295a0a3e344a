package calls

import (
	"context"
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode"

	"github.com/rclone/rclone/fs/filter"
	"github.com/rclone/rclone/fs/rc"
)

// rule is what rclone makes of one pattern: regular expressions for the names of
// files, and for those of directories with a slash at the end; empty if the
// pattern concerns none.
type rule struct {
	File string `json:"file"`
	Dir  string `json:"dir"`
	Why  string `json:"why,omitempty"` // it is no pattern
}

// excludeRules turns patterns of rclone's filter syntax into regular expressions.
//
// Parameters: patterns. Results: rules, one for each.
func excludeRules(_ context.Context, in rc.Params) (rc.Params, error) {
	var patterns []string
	if err := in.GetStruct("patterns", &patterns); err != nil {
		return nil, err
	}
	rules := make([]rule, len(patterns))
	for i, pattern := range patterns {
		made, err := ruleOf(pattern)
		if err != nil {
			made = rule{Why: err.Error()}
		}
		rules[i] = made
	}
	return rc.Params{"rules": rules}, nil
}

func ruleOf(pattern string) (rule, error) {
	f, err := filter.NewFilter(nil)
	if err != nil {
		return rule{}, err
	}
	if err := f.Add(false, pattern); err != nil {
		return rule{}, err
	}
	// What it has compiled is shown nowhere else.
	dump := strings.TrimPrefix(f.DumpFilters(), "--- File filter rules ---")
	file, dir, found := strings.Cut(dump, "\n--- Directory filter rules ---")
	if !found {
		return rule{}, fmt.Errorf("rclone shows its filters in another way: %q", dump)
	}
	var made rule
	if made.File, err = portable(file); err != nil {
		return rule{}, err
	}
	made.Dir, err = portable(dir)
	return made, err
}

// portable writes the regular expression of a rule as rclone shows it, or none, in
// what the syntaxes of Go and of Rust's crate regex have in common: characters by
// their numbers, classes as ranges. The text itself would do for most; but `[a[b]]`,
// `\Q…\E` and `\d` are one thing to Go and another to the crate.
func portable(shown string) (string, error) {
	expression, found := strings.CutPrefix(shown, "\n- ")
	if !found {
		if shown != "" {
			return "", fmt.Errorf("rclone shows its filters in another way: %q", shown)
		}
		return "", nil
	}
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	write(&out, tree)
	return out.String(), nil
}

func write(out *strings.Builder, re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpNoMatch:
		class(out, nil)
	case syntax.OpEmptyMatch:
		out.WriteString("(?:)")
	case syntax.OpLiteral:
		for _, char := range re.Rune {
			literal(out, char, re.Flags&syntax.FoldCase != 0)
		}
	case syntax.OpCharClass:
		class(out, re.Rune)
	case syntax.OpAnyCharNotNL:
		class(out, []rune{0, '\n' - 1, '\n' + 1, unicode.MaxRune})
	case syntax.OpAnyChar:
		class(out, []rune{0, unicode.MaxRune})
	case syntax.OpBeginLine:
		out.WriteString("(?m:^)")
	case syntax.OpEndLine:
		out.WriteString("(?m:$)")
	case syntax.OpBeginText:
		out.WriteString(`\A`)
	case syntax.OpEndText:
		out.WriteString(`\z`)
	case syntax.OpWordBoundary:
		out.WriteString(`(?-u:\b)`)
	case syntax.OpNoWordBoundary:
		out.WriteString(`(?-u:\B)`)
	case syntax.OpStar:
		group(out, re.Sub, "", "*")
	case syntax.OpPlus:
		group(out, re.Sub, "", "+")
	case syntax.OpQuest:
		group(out, re.Sub, "", "?")
	case syntax.OpRepeat:
		most := ""
		if re.Max >= 0 {
			most = fmt.Sprint(re.Max)
		}
		group(out, re.Sub, "", fmt.Sprintf("{%d,%s}", re.Min, most))
	case syntax.OpAlternate:
		group(out, re.Sub, "|", "")
	default: // OpCapture, OpConcat
		group(out, re.Sub, "", "")
	}
}

func group(out *strings.Builder, subs []*syntax.Regexp, between, after string) {
	out.WriteString("(?:")
	for i, sub := range subs {
		if i > 0 {
			out.WriteString(between)
		}
		write(out, sub)
	}
	out.WriteString(")" + after)
}

// literal writes one character, and with fold those that differ from it in case.
func literal(out *strings.Builder, char rune, fold bool) {
	ranges := []rune{char, char}
	if fold {
		for other := unicode.SimpleFold(char); other != char; other = unicode.SimpleFold(other) {
			ranges = append(ranges, other, other)
		}
	}
	class(out, ranges)
}

// class writes a set of characters, given as pairs. Surrogates are no characters to
// the crate, and are in no name.
func class(out *strings.Builder, ranges []rune) {
	const first, last = 0xd800, 0xdfff
	var inside strings.Builder
	for i := 0; i+1 < len(ranges); i += 2 {
		low, high := ranges[i], ranges[i+1]
		if low >= first && low <= last {
			low = last + 1
		}
		if high >= first && high <= last {
			high = first - 1
		}
		if low <= high {
			fmt.Fprintf(&inside, `\x{%x}-\x{%x}`, low, high)
		}
	}
	if inside.Len() == 0 {
		out.WriteString(`[^\x{0}-\x{10ffff}]`) // nothing
		return
	}
	out.WriteString("[" + inside.String() + "]")
}
