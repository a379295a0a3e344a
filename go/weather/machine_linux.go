package weather

import "golang.org/x/sys/unix"

// machineMemory is how many bytes of memory the machine has; 0 if it does not tell.
func machineMemory() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return int64(uint64(info.Totalram) * uint64(info.Unit))
}
