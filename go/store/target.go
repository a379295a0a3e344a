package store

import "os"

// target is a file to write, or nothing.
type target struct {
	file   *os.File
	direct *os.File // the same file for writes past the page cache, or nil
	sparse bool     // leave holes where the content is zero
}

const block = 4096

// put writes p at an offset that is a multiple of a block, if follow does not.
func (t target) put(p []byte, offset int64) error {
	if t.file == nil || t.direct != nil {
		return nil
	}
	if !t.sparse {
		_, err := t.file.WriteAt(p, offset)
		return here(err)
	}
	for len(p) > 0 {
		n := min(len(p), block)
		if !zero(p[:n]) {
			if _, err := t.file.WriteAt(p[:n], offset); err != nil {
				return here(err)
			}
		}
		p, offset = p[n:], offset+int64(n)
	}
	return nil
}

// follow comes after put for each part of a file, in their order: to a disk that is
// the fastest order of all. What cannot be written past the page cache goes through it.
func (t target) follow(p []byte, offset int64) error {
	if t.file == nil {
		return nil
	}
	if t.direct == nil {
		writeBack(t.file, offset, int64(len(p)))
		return nil
	}
	n := aligned(p)
	if _, err := t.direct.WriteAt(p[:n], offset); err != nil {
		n = 0
	}
	_, err := t.file.WriteAt(p[n:], offset+int64(n))
	return here(err)
}

func zero(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}
