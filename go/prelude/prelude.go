// Package prelude shields rclone from the command line and the environment of
// poof before any package of rclone is initialised.
//
// rclone takes defaults from RCLONE_* in package initialisers and remote
// settings from RCLONE_CONFIG_* at each NewFs. One of them (RCLONE_DRY_RUN,
// RCLONE_EXCLUDE, RCLONE_CONFIG_X_TYPE=memory, …) is enough for a sync that
// succeeds without storing anything.
//
// Two properties make this work, and a test of the whole program holds them:
// Go initialises packages that are ready in the order of their import paths,
// so the module's name must sort before "github.com/"; and this package must
// import nothing that is initialised late, so only os, strings and runtime/debug.
package prelude

import (
	"os"
	"runtime/debug"
	"strings"
)

func init() {
	// What is initialised stays, so that a collection meanwhile finds nothing and takes a
	// quarter of the start. PoofStart sets it to what work needs.
	debug.SetGCPercent(-1)
	// Unless --config is among the arguments, fs/config makes ~/.config/rclone
	// while it is initialised. The arguments are poof's and mean nothing here.
	os.Args = []string{"poof", "--config"}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "RCLONE_") {
			_ = os.Unsetenv(name)
		}
	}
}
