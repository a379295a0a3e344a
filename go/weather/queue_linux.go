package weather

import "golang.org/x/sys/unix"

func queueLength(fd int) int {
	length, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	if err != nil {
		return -1
	}
	return length
}
