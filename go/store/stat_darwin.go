package store

import "golang.org/x/sys/unix"

func expectation(st *unix.Stat_t) Expected {
	return Expected{
		Dev: uint64(st.Dev), Ino: st.Ino, Size: st.Size,
		Mtime: [2]int64{st.Mtim.Sec, st.Mtim.Nsec},
		Ctime: [2]int64{st.Ctim.Sec, st.Ctim.Nsec},
	}
}
