// Package main is the C face of rclone inside poof.
//
// It is compiled with -buildmode=c-archive by build.rs and linked into the
// poof binary. Four functions cross the border; all of them take and return
// C strings that hold JSON. Memory returned by PoofCall belongs to the caller,
// who gives it back with PoofFree.
//
//	prelude  removes RCLONE_* from the environment before rclone reads it
//	host     what rclone may do to the process: signals, log, prompts
//	calls    one call in, one reply out; failures classified, secrets removed;
//	         our own calls beside rclone's
//
// Go would keep a file of the control group open to follow its limits. It takes the
// place of a standard input that was closed, and is then read as what was typed.
//
//go:debug updatemaxprocs=0
package main

/*
#include <stdlib.h>
*/
import "C"

import (
	"runtime/debug"
	"sync"
	"unsafe"

	_ "bridge/prelude"

	"github.com/rclone/rclone/fs"
	_ "github.com/rclone/rclone/fs/operations" // operations/*
	_ "github.com/rclone/rclone/fs/sync"       // sync/*
	"github.com/rclone/rclone/librclone/librclone"

	"bridge/calls"
	"bridge/host"
	"bridge/limit"
)

var start sync.Once

// PoofStart initialises rclone. Calling it again does nothing.
//
//export PoofStart
func PoofStart() {
	start.Do(func() {
		// Every file is some garbage, beside tables that never change: half as many
		// collections take a tenth less of the processor, and 16 MiB more with 5,000 files.
		debug.SetGCPercent(200)
		calls.LimitMemory()
		limit.Install()
		host.Restrict()
		librclone.Initialize()
		host.TakeLog(func(text string) string { return calls.Shorten(calls.Scrub(text)) })
	})
}

// PoofVersion returns the version of the linked rclone, to be freed with
// PoofFree. build.rs sets it with -ldflags -X. It needs no PoofStart.
//
//export PoofVersion
func PoofVersion() *C.char {
	return C.CString(fs.Version)
}

// PoofCall runs one rc call and returns its reply as JSON: an object with
// either "reply" or "failure". It never panics and never echoes its input.
//
//export PoofCall
func PoofCall(method, input *C.char) *C.char {
	return C.CString(calls.Call(C.GoString(method), C.GoString(input)))
}

// PoofFree releases a string that one of the functions above returned.
//
//export PoofFree
func PoofFree(text *C.char) {
	C.free(unsafe.Pointer(text))
}

func main() {}
