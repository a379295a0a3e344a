package calls

import (
	"context"

	"github.com/rclone/rclone/fs/rc"

	"bridge/store"
)

func init() {
	rc.Add(rc.Call{Path: "poof/versions", Fn: countVersions})
}

// countVersions says what a bucket keeps of what was deleted below a directory.
//
// Parameters: fs, dir. Results: those of store.Versions.
func countVersions(ctx context.Context, in rc.Params) (rc.Params, error) {
	base, err := in.GetString("fs")
	if err != nil {
		return nil, err
	}
	dir, err := in.GetString("dir")
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, base, "")
	if err != nil {
		return nil, err
	}
	found, err := s.Versions(ctx, dir)
	if err != nil {
		return nil, err
	}
	out := rc.Params{}
	return out, rc.Reshape(&out, found)
}
