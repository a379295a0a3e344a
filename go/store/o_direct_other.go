//go:build !linux

package store

import "os"

// openDirect is for Linux alone.
func openDirect(*os.File) *os.File { return nil }

func aligned([]byte) int { return 0 }
