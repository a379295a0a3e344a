package store

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"os"
	"sync"
	"unicode/utf8"

	"github.com/klauspost/compress/flate"
	"github.com/zeebo/blake3"

	"bridge/lease"
)

// A bundle is a zip archive of several small files. It is made in memory: a file is read once,
// and from that one reading come its hash and the bytes in the archive.

// Packed is what became of a member of a bundle.
type Packed struct {
	ID       int64  `json:"id"`
	Declined bool   `json:"declined"` // it does not belong into a bundle
	Content  string `json:"content"`  // BLAKE3 of the plain content, hexadecimal
	Offset   int64  `json:"offset"`   // where its bytes begin in the archive
	Size     int64  `json:"size"`     // how many they are
	Deflated bool   `json:"deflated"`
	err      error
}

// Err is why a member could not be read, or nil.
func (p *Packed) Err() error { return p.err }

// Bundle reads the members of a job and stores an archive of them. What cannot be read is not
// in it. Where nothing is left, nothing is stored.
func (s *Store) Bundle(ctx context.Context, root *os.File, job *Send) (sent Sent, members []Packed, err error) {
	if job.Data, members, err = job.pack(ctx, root); err != nil || job.Data == nil {
		return sent, members, err
	}
	err = s.sky.Try(ctx, func(ctx context.Context) (err error) {
		if err := lease.Await(ctx); err != nil {
			return err
		}
		sent, err = s.send(ctx, root, job)
		return err
	})
	return sent, members, err
}

// Buffers is how much memory it takes to store the members of a job as a bundle.
func (job *Send) Buffers() int64 {
	size := job.size()
	// The largest member, compressed and not, and what encrypts the beginning.
	return size + 2*job.largest() + min(size, Whole) + 1<<20
}

// size is how large an archive of the members of a job is at most.
func (job *Send) size() (size int64) {
	for _, member := range job.Members {
		size += member.Size + int64(len(member.Data)+2*len(member.Path)) + headers
	}
	return size + end
}

// largest is the size of the largest member.
func (job *Send) largest() (size int64) {
	for _, member := range job.Members {
		size = max(size, member.Size)
	}
	return size
}

// headers is what a member takes in an archive beside its name and its content, with the time
// in both places.
const headers = 30 + 46 + 2*9

// end is what an archive ends with.
const end = 22

// pack makes the archive; nil if nothing is in it.
func (job *Send) pack(ctx context.Context, root *os.File) ([]byte, []Packed, error) {
	var out bytes.Buffer
	out.Grow(int(job.size()))
	archive := zip.NewWriter(&out)
	members, some := make([]Packed, 0, len(job.Members)), false
	for _, member := range job.Members {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		packed, err := member.packInto(archive, &out, root)
		if err != nil {
			return nil, nil, err
		}
		packed.ID = member.ID
		some = some || packed.err == nil && !packed.Declined
		members = append(members, packed)
	}
	if !some {
		return nil, members, nil
	}
	if err := archive.Close(); err != nil {
		return nil, nil, err
	}
	return out.Bytes(), members, nil
}

// packInto reads a file and writes it into an archive.
func (job *Send) packInto(archive *zip.Writer, out *bytes.Buffer, root *os.File) (packed Packed, err error) {
	plain, err := job.read(root)
	switch {
	case errors.Is(err, errSize), errors.Is(err, errLarger):
		packed.Declined = true
		return packed, nil
	case err != nil:
		packed.err = err
		return packed, nil
	}
	job.plain = int64(len(plain))
	sum := blake3.Sum256(plain)
	packed.Content = hex.EncodeToString(sum[:])
	stored := deflated(plain)
	packed.Deflated = len(stored) < len(plain)
	if !packed.Deflated {
		stored = plain
	}
	header := job.header()
	header.CRC32 = crc32.ChecksumIEEE(plain)
	header.UncompressedSize64, header.CompressedSize64 = uint64(len(plain)), uint64(len(stored))
	if packed.Deflated {
		header.Method = zip.Deflate
	}
	to, err := archive.CreateRaw(header)
	if err == nil {
		err = archive.Flush()
	}
	if err != nil {
		return packed, err
	}
	packed.Offset, packed.Size = int64(out.Len()), int64(len(stored))
	_, err = to.Write(stored)
	return packed, err
}

// errLarger says that compressing a file does not make it smaller, and that it was to.
var errLarger = errors.New("it does not become smaller")

// read reads a file whole.
func (job *Send) read(root *os.File) ([]byte, error) {
	if job.Data != nil {
		return job.Data, nil
	}
	file, err := openBeneath(root, string(job.Path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	in, err := watch(file, &job.Expected, nil)
	if err != nil {
		return nil, err
	}
	if job.IfSmaller && !shrinks(file, job.Size) {
		return nil, errLarger
	}
	return whole(in, job.Size)
}

// A sample is taken of a file that may not become smaller: so many pieces of so many bytes.
const (
	samples = 4
	sample  = 32 << 10
)

// shrinks tells whether samples of a file become smaller by a tenth or more.
func shrinks(file io.ReaderAt, size int64) bool {
	var plain []byte
	for i := range int64(samples) {
		piece := make([]byte, min(sample, size))
		n, err := file.ReadAt(piece, i*(size-int64(len(piece)))/(samples-1))
		if err != nil && err != io.EOF {
			return false
		}
		plain = append(plain, piece[:n]...)
	}
	return len(deflated(plain))*10 <= len(plain)*9
}

// level is that of zip itself.
const level = 6

var writers = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(io.Discard, level) // the level is one that there is
	return w
}}

func deflated(plain []byte) []byte {
	w := writers.Get().(*flate.Writer)
	defer writers.Put(w)
	var out bytes.Buffer
	w.Reset(&out)
	_, _ = w.Write(plain) // into memory
	_ = w.Close()
	return out.Bytes()
}

// What an archive says of a member, as programs on Unix write it.
const (
	onUnix       = 3 << 8
	version      = 20
	isUTF8       = 0x800
	extendedTime = 0x5455
)

// header is what the archive says of a file: its whole path in the tree, its mode, and when
// it was modified.
func (job *Send) header() *zip.FileHeader {
	name := string(job.Path)
	header := &zip.FileHeader{
		Name: name, Method: zip.Store,
		CreatorVersion: onUnix | version, ReaderVersion: version,
		ExternalAttrs: job.Mode << 16,
	}
	if utf8.ValidString(name) {
		header.Flags |= isUTF8
	}
	if seconds := job.Mtime[0]; seconds >= 0 && seconds <= math.MaxInt32 {
		header.Extra = binary.LittleEndian.AppendUint16(header.Extra, extendedTime)
		header.Extra = binary.LittleEndian.AppendUint16(header.Extra, 5)
		header.Extra = append(header.Extra, 1) // the time of modification
		header.Extra = binary.LittleEndian.AppendUint32(header.Extra, uint32(seconds))
		header.ModifiedDate, header.ModifiedTime = dosTime(seconds)
	}
	return header
}
