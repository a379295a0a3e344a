package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path"
	"sync"
	"time"

	"github.com/rclone/rclone/fs"
	"github.com/rclone/rclone/fs/hash"
	"github.com/rclone/rclone/fs/object"
	"github.com/rclone/rclone/fs/operations"
	"github.com/zeebo/blake3"

	"bridge/lease"
	"bridge/limit"
	"bridge/weather"
)

// Whole is the size up to which a file is read into memory before it is sent:
// S3 is then told its MD5 beforehand, and the bytes that were hashed are the bytes
// that travel.
const Whole = 4 << 20

// Send is one object to make: of a file below a root, or of Data.
type Send struct {
	ID     int64  `json:"id"`
	Path   []byte `json:"path"`
	Remote []byte `json:"remote"`
	Data   []byte `json:"data"`  // not null: the content itself
	Have   *Have  `json:"have"`  // an object of that name is there: if it is equal, it stays
	Fresh  bool   `json:"fresh"` // store it only if nothing is there, where the server knows how (S3)
	Aside  []byte `json:"aside"` // where the remote is to move what is there, as soon as this has arrived
	Expected
	Mode      uint32    `json:"mode"`       // permissions and type; of members alone
	IfSmaller bool      `json:"if_smaller"` // of members alone: it is declined unless it becomes smaller
	Members   []*Send   `json:"members"`    // what is stored is an archive of these
	Notes     string    `json:"-"`          // directory where uploads in parts are noted; empty: nowhere
	real      *measured // of a file that has another size than it says
	plain     int64     // of the content of a member, once it is read
}

// length is how many bytes there are to send.
func (job *Send) length() int64 {
	if job.real != nil {
		return job.real.size
	}
	return job.Size
}

// Have is an object as a listing shows it.
type Have struct {
	Size int64  `json:"size"`
	Tag  string `json:"tag"`
}

// Sent is what became of it. The server has it if a look shows an object of
// this size and tag.
type Sent struct {
	Content string   `json:"content"` // BLAKE3 of the plain content, hexadecimal
	Size    int64    `json:"size"`    // as stored
	Real    *int64   `json:"real"`    // of the plain content, if the file says another
	MD5     string   `json:"md5"`     // as stored; of a multipart object the MD5 of its parts' MD5s
	Tag     string   `json:"tag"`     // that a listing will show; empty where it shows none
	Nonce   []byte   `json:"nonce"`   // under crypt
	Time    [2]int64 `json:"time"`    // of modification, where a listing shows no tag
	Proven  bool     `json:"proven"`  // it was read back and is equal
	Kept    bool     `json:"kept"`    // the object that was there is equal
}

// Send reads one file below root once and stores it, once more if the weather has broken that off.
func (s *Store) Send(ctx context.Context, root *os.File, job *Send) (sent Sent, err error) {
	err = s.sky.Try(ctx, func(ctx context.Context) (err error) {
		if err := lease.Await(ctx); err != nil {
			return err
		}
		sent, err = s.send(ctx, root, job)
		if errors.Is(err, errSize) {
			sent, err = s.sendUnsized(ctx, root, job)
		}
		return err
	})
	return sent, err
}

func (s *Store) send(ctx context.Context, root *os.File, job *Send) (sent Sent, err error) {
	key := s.key(string(job.Remote))
	if err := s.fits(key); err != nil {
		return sent, err
	}
	in, modified, done, err := job.open(root)
	if err != nil {
		return sent, err
	}
	defer done()
	size := job.length()
	progress := s.follow(ctx, job)
	defer func() { progress.end(ctx, err) }()
	if size > Whole && job.Have != nil {
		kept, err := s.same(ctx, root, job)
		if err != nil || kept.Kept {
			return kept, err
		}
	}
	ctx = progress.metered(ctx, s)
	var plain []byte
	var content *blake3.Hasher // of what is not read whole
	if size <= Whole {
		if plain, err = whole(in, size); err != nil {
			return sent, err
		}
		sum := blake3.Sum256(plain)
		sent.Content = hex.EncodeToString(sum[:])
		if kept, ok := s.equal(ctx, job, bytes.NewReader(plain)); ok {
			kept.Content = sent.Content
			return kept, nil
		}
		in = bytes.NewReader(plain)
	} else {
		content = blake3.New()
		in = io.TeeReader(in, content)
	}
	sent.Size = s.storedSize(size)
	sums := s.summer(sent.Size)
	var begun *noted
	if s.takesParts(sums) {
		if begun, err = s.begun(ctx, job, key, sums); err != nil {
			return sent, err
		}
	}
	if s.encrypts() {
		if begun != nil {
			in, err = s.fixedNonce.encrypt(begun.Head, in)
		} else {
			in, err = s.cipher.EncryptData(in)
		}
		if err != nil {
			return sent, err
		}
	}
	hashes := map[hash.Type]string{}
	if size <= Whole {
		stored := plain
		if s.encrypts() {
			// Read to its end: only there does crypt give back its two blocks of 64 KiB.
			if stored, err = whole(in, sent.Size); err != nil {
				return sent, err
			}
		}
		_, _ = sums.Write(stored)
		// S3 compares it with what arrives. Others may keep it and show it again
		// (Azure, Nextcloud), and would confirm nothing but our own words.
		if s.s3 != nil {
			hashes[hash.MD5] = sums.md5()
		}
		in = bytes.NewReader(stored)
	}
	info := func(name string) fs.ObjectInfo {
		return object.NewStaticObjectInfo(name, modified, sent.Size, true, hashes, s.base)
	}
	ctx = inClass(ctx, sent.Size)
	var made fs.Object
	switch {
	case s.takesParts(sums) && job.Notes != "" && job.Data == nil && s.notes():
		err = s.putInNotedParts(ctx, in, info(key), sums, job, begun)
	case s.takesParts(sums):
		err = s.putInParts(ctx, in, info(key), sums)
	case size <= Whole && job.Fresh:
		made, err = s.put(ifAbsent(ctx), progress.through(in, s), key, "", info)
		err = taken(err)
	case size <= Whole:
		made, err = s.put(ctx, progress.through(in, s), key, s.aside(job), info)
	default:
		made, err = s.put(ctx, progress.through(io.TeeReader(in, sums), s), key, s.aside(job), info)
	}
	if err != nil {
		return sent, err
	}
	if content != nil {
		sent.Content = hex.EncodeToString(content.Sum(nil))
	}
	sent.MD5, sent.Tag = sums.md5(), sums.tag()
	if s.encrypts() {
		sent.Nonce = sums.head[8:]
	}
	if s.s3 == nil && sent.Tag != "" && shows(ctx, made, sums.kind) == "" {
		sent.Tag = ""
	}
	if sent.Tag == "" {
		err = s.readBack(ctx, made, &sent)
	}
	return sent, err
}

// whole reads a file of that size, and not one byte more or less.
func whole(in io.Reader, size int64) ([]byte, error) {
	plain := make([]byte, size)
	if _, err := io.ReadFull(in, plain); err != nil {
		return nil, err
	}
	// The end of the file is where it is seen whether it changed.
	if _, err := in.Read(make([]byte, 1)); err != io.EOF {
		return nil, cmp.Or(err, ErrChanged)
	}
	return plain, nil
}

// same reads a large file for comparison alone.
func (s *Store) same(ctx context.Context, root *os.File, job *Send) (Sent, error) {
	in, _, done, err := job.open(root)
	if err != nil {
		return Sent{}, err
	}
	defer done()
	content := blake3.New()
	kept, ok := s.equal(ctx, job, io.TeeReader(in, content))
	if !ok {
		return Sent{}, nil
	}
	kept.Content = hex.EncodeToString(content.Sum(nil))
	return kept, nil
}

func (job *Send) open(root *os.File) (in io.Reader, modified time.Time, done func(), err error) {
	modified = time.Unix(job.Mtime[0], job.Mtime[1])
	if job.Data != nil {
		job.Size = int64(len(job.Data))
		return bytes.NewReader(job.Data), modified, func() {}, nil
	}
	file, err := openBeneath(root, string(job.Path))
	if err != nil {
		return nil, modified, nil, err
	}
	in, err = watch(file, &job.Expected, job.real)
	if err != nil {
		_ = file.Close()
		return nil, modified, nil, err
	}
	return in, modified, func() { _ = file.Close() }, nil
}

// aside is where what is in the place of an object goes; empty: nowhere.
func (s *Store) aside(job *Send) string {
	if len(job.Aside) == 0 {
		return ""
	}
	return s.key(string(job.Aside))
}

// put stores an object under its name, and where rclone itself would write to
// a partial name first, so does this. What is there goes aside, if that is wanted.
func (s *Store) put(ctx context.Context, in io.Reader, name, aside string, info func(string) fs.ObjectInfo) (fs.Object, error) {
	if s.disk {
		in = limit.Up(ctx, in)
	}
	features := s.base.Features()
	if !features.PartialUploads || features.Move == nil {
		back, err := s.moveAside(ctx, name, aside)
		if err != nil {
			return nil, s.refused(err)
		}
		made, err := s.base.Put(ctx, in, info(name))
		if err != nil {
			back()
			// What was to be read is read: the next attempt finds the place free.
			s.isCleared(ctx, name)
		}
		return made, s.refused(err)
	}
	between := partial(name, "")
	if aside != "" {
		// A server may take a name of which it has refused the renaming for that of the object
		// (rclone's): what comes would be written into what is to be kept.
		between = partial(name, rand.Text())
	}
	made, err := s.base.Put(ctx, in, info(between))
	if err != nil {
		return nil, s.refused(err)
	}
	back, err := s.makeRoom(ctx, name, aside)
	if err != nil {
		_ = made.Remove(ctx)
		return nil, s.refused(err)
	}
	moved, err := features.Move(ctx, made, name)
	if err != nil && s.isCleared(ctx, name) {
		moved, err = features.Move(ctx, made, name)
	}
	if err != nil {
		back()
		if s.takesAnyName(ctx, made, name, err) {
			err = ErrName
		}
		_ = made.Remove(ctx)
		return nil, s.refused(err)
	}
	return moved, nil
}

// makeRoom removes an empty directory that is in the place of an object, or moves aside the
// object that is there. Whether it is a directory is asked first: a server may go wrong over a
// rename that it has to refuse (rclone's). A disk does not.
func (s *Store) makeRoom(ctx context.Context, name, aside string) (back func(), err error) {
	if aside != "" || s.base.Features().IsLocal {
		return s.moveAside(ctx, name, aside)
	}
	_, err = s.base.NewObject(ctx, name)
	isDirectory := errors.Is(err, fs.ErrorIsDir) || errors.Is(err, fs.ErrorNotAFile)
	if isDirectory && !s.isCleared(ctx, name) {
		return nil, err
	}
	return func() {}, nil
}

// isCleared tells whether a directory was in the place of an object, and is removed: the
// last object in it has gone, and the remote has left it. What holds an object stays.
func (s *Store) isCleared(ctx context.Context, name string) bool {
	if !s.base.Features().CanHaveEmptyDirectories {
		return false
	}
	if _, err := s.base.List(ctx, name); err != nil {
		return false
	}
	if operations.Rmdirs(ctx, s.base, name, false) != nil {
		return false
	}
	_, err := s.base.List(ctx, name)
	return errors.Is(err, fs.ErrorDirNotFound)
}

// moveAside moves the object that is called name to another name, and gives what moves it
// back. One that is not there is no error.
func (s *Store) moveAside(ctx context.Context, name, aside string) (back func(), err error) {
	back = func() {}
	if aside == "" {
		return back, nil
	}
	moves := s.base.Features().Move
	if moves == nil {
		return back, ErrUnable
	}
	place := s.asides.of(aside)
	place.Lock()
	defer place.Unlock()
	// It may be there already: the answer was lost, and this is sent once more; or it is
	// another object of the same content, for which it then has to stay.
	if _, err := s.base.NewObject(ctx, aside); err == nil {
		place.stays = true
		return back, nil
	}
	before, err := s.base.NewObject(ctx, name)
	if errors.Is(err, fs.ErrorObjectNotFound) {
		return back, nil
	}
	if err != nil {
		return back, err
	}
	moved, err := moves(ctx, before, aside)
	if err != nil {
		return back, err
	}
	return func() {
		place.Lock()
		defer place.Unlock()
		if !place.stays {
			// Also if the run is to end.
			_, _ = moves(context.WithoutCancel(ctx), moved, name)
		}
	}, nil
}

// asides are the places where objects go that are replaced, by name.
type asides struct {
	mu     sync.Mutex
	places map[string]*aside
}

type aside struct {
	sync.Mutex
	stays bool // what is there is not one object's alone
}

func (a *asides) of(name string) *aside {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.places == nil {
		a.places = map[string]*aside{}
	}
	if a.places[name] == nil {
		a.places[name] = &aside{}
	}
	return a.places[name]
}

// partial is the name of an object that is on its way; short, as the name
// itself may be as long as names can be. A seed makes it another one.
func partial(name, seed string) string {
	sum := md5.Sum([]byte(name + seed))
	dir, _ := path.Split(name)
	return dir + ".poof-" + hex.EncodeToString(sum[:8]) + ".partial"
}

// shows is the hash of an object that a listing will show. Azure and B2 have none of
// what they got in parts, though they have one of everything else.
func shows(ctx context.Context, made fs.Object, kind hash.Type) string {
	sum, err := made.Hash(ctx, kind)
	if err != nil {
		return ""
	}
	return sum
}

// readBack proves an object of which a listing shows no hash.
func (s *Store) readBack(ctx context.Context, made fs.Object, sent *Sent) error {
	arrived, err := limit.Receive(ctx, sent.Size, 1)
	if err != nil {
		return err
	}
	defer arrived()
	body, err := made.Open(weather.Narrow(ctx))
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	if s.disk {
		body = limit.DownFrom(ctx, body)
	}
	sum := md5.New()
	if _, err := io.Copy(sum, body); err != nil {
		return err
	}
	sent.Proven = hex.EncodeToString(sum.Sum(nil)) == sent.MD5
	t := made.ModTime(ctx)
	sent.Time = [2]int64{t.Unix(), int64(t.Nanosecond())}
	return nil
}
