//go:build !linux

package store

import "os"

// straight is for Linux alone.
func straight(*os.File) *os.File { return nil }

func aligned([]byte) int { return 0 }
