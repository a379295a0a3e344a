package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// writeBack has the kernel begin to write a part of a file to the disk, which is
// to be there in the end: so it does not have to wait for all of it then.
func writeBack(file *os.File, offset, length int64) {
	// No more than a hint.
	_ = unix.SyncFileRange(int(file.Fd()), offset, length, unix.SYNC_FILE_RANGE_WRITE)
}
