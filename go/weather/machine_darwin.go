package weather

import "golang.org/x/sys/unix"

// machineMemory is how many bytes of memory the machine has; 0 if it does not tell.
func machineMemory() int64 {
	size, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return int64(size)
}
