package host

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/rclone/rclone/fs"
)

// Line is one entry of rclone's log.
type Line struct {
	Level  string `json:"level"`  // rclone's name of the level: ERROR, NOTICE, INFO …
	Object string `json:"object"` // what the line is about, often a path; may be empty
	Text   string `json:"text"`
}

// maxLines bounds the memory of the log between two drains; what comes after
// is replaced by one line that counts it.
const maxLines = 1000

var kept struct {
	sync.Mutex
	lines   []Line
	dropped int
}

// DrainLog returns what was logged since the last call.
func DrainLog() []Line {
	kept.Lock()
	defer kept.Unlock()
	lines := kept.lines
	if kept.dropped > 0 {
		lines = append(lines, Line{Level: "NOTICE", Text: fmt.Sprintf("%d more lines", kept.dropped)})
	}
	kept.lines, kept.dropped = nil, 0
	return lines
}

// TakeLog sends rclone's log to DrainLog instead of standard error, each
// text passed through scrub. It must run after librclone.Initialize, which
// installs rclone's own handler.
func TakeLog(scrub func(string) string) {
	handler := &collector{scrub: scrub}
	fs.SetLogger(handler)
	slog.SetDefault(slog.New(handler))
}

// collector is a slog.Handler that fills kept. Debug lines are refused
// whatever the level in force, because rclone prints keys in them.
type collector struct {
	scrub func(string) string
}

func (c *collector) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

func (c *collector) Handle(_ context.Context, r slog.Record) error {
	line := Line{Level: levelName(r.Level), Text: c.scrub(r.Message)}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "object" {
			line.Object = c.scrub(a.Value.String())
			return false
		}
		return true
	})
	kept.Lock()
	defer kept.Unlock()
	if len(kept.lines) >= maxLines {
		kept.dropped++
		return nil
	}
	kept.lines = append(kept.lines, line)
	return nil
}

func (c *collector) WithAttrs([]slog.Attr) slog.Handler { return c }
func (c *collector) WithGroup(string) slog.Handler      { return c }

// levelName folds rclone's levels into three that a person tells apart.
func levelName(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "ERROR"
	case level > slog.LevelInfo:
		return "NOTICE"
	default:
		return "INFO"
	}
}
