package store

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
)

// However the bytes get to the file, they are there in the end: past the page
// cache, with an end that is no whole block, from memory that is not aligned, and
// through a handle that takes nothing.
func TestPartsBecomeAFile(t *testing.T) {
	content := make([]byte, 3*part/2+17)
	_, _ = rand.Read(content)
	refuses, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func(*os.File) *os.File{
		"direct":  openDirect,
		"refused": func(*os.File) *os.File { return refuses },
		"cached":  func(*os.File) *os.File { return nil },
	} {
		for shift := range 2 {
			path := filepath.Join(t.TempDir(), "file")
			file, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			out := target{file: file, direct: open(file)}
			buffer := make([]byte, part+shift)[shift:]
			for offset := 0; offset < len(content); offset += part {
				p := buffer[:copy(buffer, content[offset:])]
				for at := 0; at < len(p); at += piece {
					if err := out.put(p[at:min(len(p), at+piece)], int64(offset+at)); err != nil {
						t.Fatal(err)
					}
				}
				if err := out.follow(p, int64(offset)); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s, %d: %d bytes of %d, %v", name, shift, len(got), len(content), err)
			}
		}
	}
}
