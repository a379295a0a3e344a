package store

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openDirect opens a file once more, for writes that do not go through the page
// cache: a large file that is read back by nobody costs a copy of every byte there,
// and that is more than to decrypt it. nil where the file system is not known to
// do that well.
func openDirect(file *os.File) *os.File {
	var about unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &about); err != nil {
		return nil
	}
	if about.Type != unix.EXT4_SUPER_MAGIC && about.Type != unix.XFS_SUPER_MAGIC {
		return nil
	}
	// The file itself, whatever has its name.
	itself := fmt.Sprintf("/proc/self/fd/%d", file.Fd())
	direct, err := os.OpenFile(itself, os.O_WRONLY|unix.O_DIRECT, 0)
	if err != nil {
		return nil
	}
	return direct
}

// aligned is how many bytes from the start of p can be written so, to an offset
// that is a multiple of a block.
func aligned(p []byte) int {
	if len(p) < block || uintptr(unsafe.Pointer(unsafe.SliceData(p)))%block != 0 {
		return 0
	}
	return len(p) / block * block
}
