package store

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/rclone/rclone/backend/crypt"
	"github.com/rclone/rclone/fs/accounting"
	"github.com/zeebo/blake3"

	"bridge/limit"
	"bridge/weather"
)

// Part is where a content is in a bundle, in clear.
type Part struct {
	Offset   int64 `json:"offset"`
	Size     int64 `json:"size"`
	Deflated bool  `json:"deflated"`
}

// ErrCut says that a bundle ends before a content that it should have.
var ErrCut = errors.New("it is cut")

// A span of a bundle is read in one request: of members that have not more than a gap of so
// many bytes between them, as far as it is not longer than so many.
const (
	gap  = 128 << 10
	span = 32 << 20
)

// Joins tells whether a content can be read in the same request as those before it.
func Joins(before []*Fetch, next *Fetch) bool {
	if next.Part == nil || next.First != nil {
		return false
	}
	first, last := before[0], before[len(before)-1]
	if last.Part == nil || last.First != nil || string(first.Remote) != string(next.Remote) {
		return false
	}
	end := last.Part.Offset + last.Part.Size
	return next.Part.Offset >= end && next.Part.Offset-end <= gap &&
		next.Part.Offset+next.Part.Size-first.Part.Offset <= span
}

// FetchMembers reads contents that are in one bundle, in the order of their places; tell hears
// of each.
func (s *Store) FetchMembers(ctx context.Context, dir *os.File, jobs []*Fetch, tell func(*Fetch, Fetched, error) error) error {
	last := jobs[len(jobs)-1].Part
	arrived, err := limit.Receive(ctx, last.Offset+last.Size-jobs[0].Part.Offset, 1)
	if err != nil {
		return err
	}
	defer arrived()
	ctx = weather.Narrow(ctx)
	for len(jobs) > 0 {
		var told, whole error
		err := s.sky.Try(ctx, func(ctx context.Context) error {
			body, err := s.openFrom(ctx, jobs)
			if err != nil {
				whole = err
				return err
			}
			defer func() { _ = body.Close() }()
			whole = nil
			at := jobs[0].Part.Offset
			for len(jobs) > 0 {
				job := jobs[0]
				if _, err := io.CopyN(io.Discard, body, job.Part.Offset-at); err != nil {
					return cutAt(err)
				}
				got, read, err := s.member(ctx, dir, job, body)
				at = job.Part.Offset + read
				if err != nil && !errors.Is(err, errOwn) {
					return err
				}
				jobs = jobs[1:]
				if told = tell(job, got, own(err)); told != nil {
					return nil
				}
			}
			return nil
		})
		if told != nil || ctx.Err() != nil {
			return errors.Join(told, ctx.Err())
		}
		if err == nil {
			continue
		}
		// What is damaged may be the first alone; where nothing opens, nothing does.
		failed := 1
		if whole != nil && !isDamaged(whole) {
			failed = len(jobs)
		}
		for _, job := range jobs[:failed] {
			if told := tell(job, Fetched{}, err); told != nil {
				return told
			}
		}
		jobs = jobs[failed:]
	}
	return nil
}

// isDamaged tells whether some of a bundle is damaged: what is behind it can be read.
func isDamaged(err error) bool { return errors.Is(err, crypt.ErrorEncryptedBadBlock) }

// openFrom opens a bundle where the first of some members begins, for reading to the last.
func (s *Store) openFrom(ctx context.Context, jobs []*Fetch) (io.ReadCloser, error) {
	first, last := jobs[0].Part, jobs[len(jobs)-1].Part
	key, end := s.key(string(jobs[0].Remote)), last.Offset+last.Size
	if first.Offset <= gap && s.encrypts() {
		body, err := s.openFromBeginning(ctx, key, first.Offset, end)
		if !isDamaged(err) {
			return body, err
		}
	}
	open, err := s.plainRanges(ctx, key)
	if err != nil {
		return nil, err
	}
	return open(ctx, first.Offset, max(end-first.Offset, 1))
}

// openFromBeginning reads over what is before the first member: so it takes no request of its
// own to know the nonce.
func (s *Store) openFromBeginning(ctx context.Context, key string, first, end int64) (io.ReadCloser, error) {
	open, err := s.ranges(ctx, key)
	if err != nil {
		return nil, err
	}
	body, err := open(ctx, 0, s.cipher.EncryptedSize((end+most-1)/most*most))
	if err != nil {
		return nil, err
	}
	plain, err := s.cipher.DecryptData(body)
	if err != nil {
		_ = body.Close()
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, plain, first); err != nil {
		_ = plain.Close()
		return nil, cutAt(err)
	}
	return plain, nil
}

// errOwn is what is wrong with one member alone: the rest of its bundle can be read.
var errOwn = errors.New("")

type ownError struct{ error }

func (e ownError) Is(target error) bool { return target == errOwn }
func (e ownError) Unwrap() error        { return e.error }

func own(err error) error {
	var e ownError
	if errors.As(err, &e) {
		return e.error
	}
	return err
}

// member reads one content from a bundle that is read up to it, and tells how many bytes of the
// bundle that took.
func (s *Store) member(ctx context.Context, dir *os.File, job *Fetch, body io.Reader) (got Fetched, read int64, err error) {
	transfer := accounting.Stats(ctx).NewTransferRemoteSize(string(job.Remote), s.limit(job), s.base, nil)
	defer func() { transfer.Done(ctx, own(err)) }()
	account := transfer.Account(ctx, nil)
	part := &io.LimitedReader{R: body, N: job.Part.Size}
	var in io.Reader = part
	if job.Part.Deflated {
		in = flate.NewReader(part)
	}
	if job.First != nil {
		got.Data = make([]byte, min(*job.First, most))
		n, err := fill(in, got.Data)
		got.Data, got.Size = got.Data[:n], int64(n)
		if err != nil && err != io.EOF {
			return got, 0, err
		}
		return got, job.Part.Size - part.N, nil
	}
	var file *os.File
	if len(job.To) > 0 {
		if file, err = create(dir, string(job.To)); err != nil {
			return got, 0, ownError{here(err)}
		}
		defer func() {
			if e := file.Close(); err == nil && e != nil {
				err = ownError{here(e)}
			}
		}()
	}
	out, content := target{file: file, sparse: job.Sparse}, blake3.New()
	size, buffer := s.limit(job), make([]byte, piece)
	for end := false; !end; {
		n, err := fill(in, buffer[:min(piece, (size-got.Size)/block*block+2*block)])
		account.AccountReadN(int64(n))
		_, _ = content.Write(buffer[:n]) // never fails
		if err := out.put(buffer[:n], got.Size); err != nil {
			return got, job.Part.Size - part.N, ownError{err}
		}
		got.Size += int64(n)
		var corrupt flate.CorruptInputError
		switch {
		case got.Size > size:
			return got, job.Part.Size - part.N, ownError{ErrTooLong}
		case err == io.EOF:
			end = true
		case errors.As(err, &corrupt), err == io.ErrUnexpectedEOF && part.N == 0:
			return got, job.Part.Size - part.N, ownError{ErrCut}
		case err != nil:
			return got, 0, err
		}
	}
	if file != nil && job.Sparse {
		if err := file.Truncate(got.Size); err != nil {
			return got, job.Part.Size - part.N, ownError{here(err)}
		}
	}
	if part.N > 0 && !job.Part.Deflated {
		return got, 0, ErrCut
	}
	got.Content = hex.EncodeToString(content.Sum(nil))
	return got, job.Part.Size - part.N, nil
}

// cutAt is err, or that a bundle is cut if it ended.
func cutAt(err error) error {
	if err == io.EOF {
		return ErrCut
	}
	return err
}

// dosTime is a time as MS-DOS has it: in two seconds, since 1980, by the clock of UTC.
func dosTime(seconds int64) (date, clock uint16) {
	t := time.Unix(seconds, 0).UTC()
	if t.Year() < 1980 {
		return 1<<5 | 1, 0
	}
	date = uint16(t.Day() | int(t.Month())<<5 | (t.Year()-1980)<<9)
	return date, uint16(t.Second()/2 | t.Minute()<<5 | t.Hour()<<11)
}
