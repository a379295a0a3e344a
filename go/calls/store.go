package calls

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rclone/rclone/fs/rc"
	"github.com/rclone/rclone/lib/encoder"
	"golang.org/x/sync/errgroup"

	"bridge/lease"
	"bridge/store"
)

func init() {
	for path, fn := range map[string]rc.Func{
		"poof/dirs":    directoriesOfStore,
		"poof/list":    listStore,
		"poof/look":    lookStore,
		"poof/copy":    copyStore,
		"poof/move":    moveStore,
		"poof/can":     abilitiesOfStore,
		"poof/send":    sendStore,
		"poof/fetch":   fetchStore,
		"poof/remove":  removeStore,
		"poof/name":    nameOf,
		"poof/abandon": abandonUploads,
	} {
		rc.Add(rc.Call{Path: path, Fn: fn})
	}
}

// directoriesOfStore names the directories in one, or at the top.
//
// Parameters: fs, crypt, dir. Results: names, without those that do not decrypt.
func directoriesOfStore(ctx context.Context, in rc.Params) (rc.Params, error) {
	var job struct{ Fs, Crypt, Dir string }
	if err := rc.Reshape(&job, in); err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, job.Fs, job.Crypt)
	if err != nil {
		return nil, err
	}
	names, err := s.Directories(ctx, job.Dir)
	return rc.Params{"names": names}, err
}

// The others take fs (connection string of the bucket) and crypt (section of
// the crypt remote on top, or empty), read their jobs from the file descriptor
// jobs and write a record for each to the file descriptor report, both as one
// JSON object a line. Names are base64, as they may be any bytes. A failure of
// one job is its record's "failure"; the call goes on.

// shown is the record of an object that a listing shows.
type shown struct {
	ID      int64    `json:"id"`
	Remote  []byte   `json:"remote,omitempty"`
	Size    int64    `json:"size"`
	Tag     string   `json:"tag"`
	Time    [2]int64 `json:"time"`
	Failure *Failure `json:"failure,omitempty"`
}

func show(o store.Object) shown {
	return shown{Size: o.Size, Tag: o.Tag, Time: [2]int64{o.Time.Unix(), int64(o.Time.Nanosecond())}}
}

// listStore reports every object below dir.
//
// Parameters: fs, crypt, dir, without (a directory in it, from the top, or empty), marks (names of objects there), report.
// Results: strange, the number of objects whose names do not decrypt; passed, whether there is anything in without.
func listStore(ctx context.Context, in rc.Params) (rc.Params, error) {
	s, out, err := openStore(ctx, in)
	if err != nil {
		return nil, err
	}
	defer out.close()
	dir, err := in.GetString("dir")
	if err != nil {
		return nil, err
	}
	var marks [][]byte
	if err := in.GetStruct("marks", &marks); err != nil {
		return nil, err
	}
	without, err := in.GetString("without")
	if err != nil {
		return nil, err
	}
	var listed atomic.Int64
	strange, passed, err := s.List(ctx, dir, without, marks, func(remote string, o store.Object) error {
		listed.Add(1)
		record := show(o)
		record.Remote = []byte(remote)
		return out.write(record)
	})
	giveBackAfter(listed.Load())
	return rc.Params{"strange": strange, "passed": passed}, err
}

// named is a job of which nothing but the name of the object is needed.
type named struct {
	ID     int64  `json:"id"`
	Remote []byte `json:"remote"`
}

// lookStore asks for single objects.
func lookStore(ctx context.Context, in rc.Params) (rc.Params, error) {
	return each(ctx, in, func(s *store.Store, job *named) any {
		o, err := s.Look(ctx, string(job.Remote))
		record := show(o)
		record.ID, record.Failure = job.ID, failureOf(err)
		return record
	})
}

// removeStore deletes objects; one that is not there is no failure.
func removeStore(ctx context.Context, in rc.Params) (rc.Params, error) {
	return each(ctx, in, func(s *store.Store, job *named) any {
		return outcome{ID: job.ID, Failure: failureOf(s.Remove(ctx, string(job.Remote)))}
	})
}

// copyStore copies objects on the server.
func copyStore(ctx context.Context, in rc.Params) (rc.Params, error) {
	return each(ctx, in, func(s *store.Store, job *store.Copy) any {
		return outcome{ID: job.ID, Failure: failureOf(s.Copy(ctx, job))}
	})
}

// moveStore gives objects other names on the server.
func moveStore(ctx context.Context, in rc.Params) (rc.Params, error) {
	return each(ctx, in, func(s *store.Store, job *store.Copy) any {
		return outcome{ID: job.ID, Failure: failureOf(s.Move(ctx, job))}
	})
}

// abilitiesOfStore tells what the remote can do with objects by itself.
//
// Parameters: fs, crypt. Results: those of store.Abilities.
func abilitiesOfStore(ctx context.Context, in rc.Params) (rc.Params, error) {
	var job struct{ Fs, Crypt string }
	if err := rc.Reshape(&job, in); err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, job.Fs, job.Crypt)
	if err != nil {
		return nil, err
	}
	out := rc.Params{}
	return out, rc.Reshape(&out, s.Abilities())
}

type outcome struct {
	ID      int64    `json:"id"`
	Changed bool     `json:"changed"` // the file is not what the job expects
	Failure *Failure `json:"failure,omitempty"`
}

// nameOf gives the name of an object for a local path of any bytes: each part
// in rclone's standard encoding, as its listings have it.
//
// Parameters: path (base64). Results: remote (base64).
func nameOf(_ context.Context, in rc.Params) (rc.Params, error) {
	var job struct{ Path []byte }
	if err := rc.Reshape(&job, in); err != nil {
		return nil, err
	}
	parts := strings.Split(string(job.Path), "/")
	for i, part := range parts {
		parts[i] = encoder.Standard.Encode(part)
	}
	return rc.Params{"remote": []byte(strings.Join(parts, "/"))}, nil
}

// Bytes of content in memory at a time, over all transfers: of files that are
// sent whole, and of large ones, each of which has buffers of its own.
const (
	inMemory = 96 << 20
	inParts  = 160 << 20
)

// sendStore stores files below root.
//
// Parameters: also root, the descriptor of a local directory or -1, and notes, the directory in which uploads in
// parts are noted, or empty.
func sendStore(ctx context.Context, in rc.Params) (rc.Params, error) {
	root, err := openDir(in, "root")
	if err != nil {
		return nil, err
	}
	if root != nil {
		defer func() { _ = root.Close() }()
	}
	notes, err := in.GetString("notes")
	if err != nil {
		return nil, err
	}
	memory, parts := newBudget(inMemory), newBudget(inParts)
	return each(ctx, in, func(s *store.Store, job *store.Send) any {
		if len(job.Members) > 0 {
			return sendBundle(ctx, s, root, parts, job)
		}
		limit, weight := memory, 3*job.Size
		if job.Data == nil && job.Size > store.Whole {
			limit, weight = parts, min(s.SendBuffers(job.Size), inParts)
		}
		record := struct {
			outcome
			store.Sent
		}{outcome: outcome{ID: job.ID}}
		if err := limit.take(ctx, weight); err != nil {
			record.Failure = failureOf(err)
			return record
		}
		defer limit.give(weight)
		job.Notes = notes
		record.Sent, err = s.Send(ctx, root, job)
		record.Changed = errors.Is(err, store.ErrChanged)
		record.Failure = failureOf(err)
		return record
	})
}

// packed is the record of a member of a bundle.
type packed struct {
	store.Packed
	Changed bool     `json:"changed"`
	Failure *Failure `json:"failure,omitempty"`
}

// sendBundle stores a bundle, and tells of each of its members.
func sendBundle(ctx context.Context, s *store.Store, root *os.File, memory budget, job *store.Send) any {
	record := struct {
		outcome
		store.Sent
		Members []packed `json:"members"`
	}{outcome: outcome{ID: job.ID}}
	weight := min(job.Buffers(), inParts)
	if err := memory.take(ctx, weight); err != nil {
		record.Failure = failureOf(err)
		return record
	}
	defer memory.give(weight)
	sent, members, err := s.Bundle(ctx, root, job)
	record.Sent, record.Failure = sent, failureOf(err)
	for _, member := range members {
		err := member.Err()
		record.Members = append(record.Members, packed{member, errors.Is(err, store.ErrChanged), failureOf(err)})
	}
	return record
}

// abandonUploads aborts what earlier runs began to upload and nobody goes on with.
//
// Parameters: fs, crypt, dirs (of notes). Results: gone, the number of uploads.
func abandonUploads(ctx context.Context, in rc.Params) (rc.Params, error) {
	var job struct {
		Fs, Crypt string
		Dirs      []string
	}
	if err := rc.Reshape(&job, in); err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, job.Fs, job.Crypt)
	if err != nil {
		return nil, err
	}
	gone, err := s.Abandon(ctx, job.Dirs)
	return rc.Params{"gone": gone}, err
}

// fetchStore reads objects.
//
// Parameters: also dir, the descriptor of a local directory in which the files are made, or -1.
func fetchStore(ctx context.Context, in rc.Params) (rc.Params, error) {
	dir, err := openDir(in, "dir")
	if err != nil {
		return nil, err
	}
	if dir != nil {
		defer func() { _ = dir.Close() }()
	}
	parts := newBudget(inParts)
	all := func(take func([]*store.Fetch)) error { return readSpans(in, take) }
	return eachOf(ctx, in, all, func(s *store.Store, jobs []*store.Fetch, tell func(any) error) error {
		if jobs[0].Part != nil {
			return s.FetchMembers(ctx, dir, jobs, func(job *store.Fetch, got store.Fetched, err error) error {
				return tell(fetched{outcome{ID: job.ID, Failure: failureOf(err)}, got})
			})
		}
		job := jobs[0]
		if job.Size >= store.Partly && job.First == nil {
			weight := store.FetchBuffers(job.Size)
			if err := parts.take(ctx, weight); err != nil {
				return tell(fetched{outcome: outcome{ID: job.ID, Failure: failureOf(err)}})
			}
			defer parts.give(weight)
		}
		got, err := s.Fetch(ctx, dir, job)
		return tell(fetched{outcome{ID: job.ID, Failure: failureOf(err)}, got})
	})
}

// fetched is the record of an object that was read, or of a content in a bundle.
type fetched struct {
	outcome
	store.Fetched
}

// readSpans hands over the jobs, those together that are read in one request.
func readSpans(in rc.Params, take func([]*store.Fetch)) error {
	var together []*store.Fetch
	err := readJobs(in, func(job *store.Fetch) {
		if len(together) > 0 && !store.Joins(together, job) {
			take(together)
			together = nil
		}
		together = append(together, job)
		if job.Part == nil {
			take(together)
			together = nil
		}
	})
	if len(together) > 0 {
		take(together)
	}
	return err
}

func failureOf(err error) *Failure {
	if err == nil {
		return nil
	}
	failure := Classify(err)
	return &failure
}

// each does every job, several at a time, as they come in.
func each[J any](ctx context.Context, in rc.Params, do func(*store.Store, *J) any) (rc.Params, error) {
	all := func(take func(*J)) error { return readJobs(in, take) }
	return eachOf(ctx, in, all, func(s *store.Store, job *J, tell func(any) error) error {
		return tell(do(s, job))
	})
}

// eachOf does the same with whatever all hands over; each may tell of several things.
func eachOf[J any](ctx context.Context, in rc.Params, all func(func(J)) error, do func(*store.Store, J, func(any) error) error) (rc.Params, error) {
	s, out, err := openStore(ctx, in)
	if err != nil {
		return nil, err
	}
	defer out.close()
	source := make(chan J)
	var broken error
	go func() {
		defer close(source)
		broken = all(func(job J) { source <- job })
	}()
	err = work(ctx, in, source, func(job J) error { return do(s, job, out.tell) })
	if err == nil {
		// It is about all of them, and not about single objects.
		err = cmp.Or(lease.Err(), s.Verdict())
	}
	return nil, errors.Join(err, broken)
}

// work runs do for each job of source, "width" at a time. After the end of ctx
// the rest is taken from the source and dropped.
func work[J any](ctx context.Context, in rc.Params, source <-chan J, do func(J) error) error {
	width, err := in.GetInt64("width")
	if err != nil {
		return err
	}
	var group errgroup.Group
	for range width {
		group.Go(func() error {
			for job := range source {
				if ctx.Err() == nil {
					if err := do(job); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// readJobs hands over the jobs one by one, as they come in.
func readJobs[J any](in rc.Params, take func(*J)) error {
	file, err := openFd(in, "jobs")
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	decoder := json.NewDecoder(bufio.NewReader(file))
	for {
		job := new(J)
		if err := decoder.Decode(job); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		take(job)
	}
}

func openStore(ctx context.Context, in rc.Params) (*store.Store, *lines, error) {
	base, err := in.GetString("fs")
	if err != nil {
		return nil, nil, err
	}
	section, err := in.GetString("crypt")
	if err != nil {
		return nil, nil, err
	}
	s, err := store.Open(ctx, base, section)
	if err != nil {
		return nil, nil, err
	}
	file, err := openReport(in)
	if err != nil {
		return nil, nil, err
	}
	out := bufio.NewWriter(file)
	return s, &lines{file: file, out: out, json: json.NewEncoder(out)}, nil
}

// lines writes records as lines of JSON.
type lines struct {
	mu   sync.Mutex
	file *os.File
	out  *bufio.Writer
	json *json.Encoder
}

func (l *lines) write(record any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.json.Encode(record)
}

// tell writes a record that somebody waits for.
func (l *lines) tell(record any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.json.Encode(record); err != nil {
		return err
	}
	return l.out.Flush()
}

func (l *lines) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.out.Flush()
	_ = l.file.Close()
}
