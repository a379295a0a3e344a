package weather

import "golang.org/x/sys/unix"

// soNwrite is SO_NWRITE of sys/socket.h.
const soNwrite = 0x1024

func queueLength(fd int) int {
	length, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, soNwrite)
	if err != nil {
		return -1
	}
	return length
}
