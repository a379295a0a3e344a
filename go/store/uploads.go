package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bridge/weather"
)

// An upload in parts stays on the server, and is paid for, until it is completed or
// aborted. So each is noted in a file, from before its first part to its end: the next
// run goes on with it, or removes it.

// noted is an upload as it is noted.
type noted struct {
	Place string    `json:"place"` // endpoint and bucket
	Key   string    `json:"key"`
	Begun time.Time `json:"begun"`
	ID    string    `json:"id"`   // empty: nobody has heard whether it was begun
	Part  int64     `json:"part"` // bytes
	Head  []byte    `json:"head"` // the first bytes: under crypt, the nonce
	// The file that it is of. It says how many bytes there are in the end.
	File Expected `json:"file"`

	path string
	have map[int32]types.Part // what the server has of it
}

// touched are the files of the uploads that this process knows of: they are its own,
// and not left by another.
var touched sync.Map

// place is where the uploads of this store are.
func (d *s3Client) place() string {
	return strings.Join([]string{d.opt.Endpoint, d.opt.Region, d.bucket}, " ")
}

func noteOf(dir, place, key string) string {
	sum := sha256.Sum256([]byte(place + "\x00" + key))
	return filepath.Join(dir, hex.EncodeToString(sum[:12]))
}

func readNote(path string) (*noted, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	n := &noted{path: path}
	return n, json.Unmarshal(text, n)
}

// write makes the note, on the disk before anything is on the server.
func (n *noted) write() error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(n.path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(n.path+".next", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	before, _ := os.OpenFile(n.path, os.O_RDWR, 0)
	err = os.Rename(file.Name(), n.path)
	overwrite(before)
	return err
}

// overwrite writes over what a note said, which has no name any more, or soon none.
func overwrite(file *os.File) {
	if file == nil {
		return
	}
	if about, err := file.Stat(); err == nil {
		_, _ = file.WriteAt(make([]byte, about.Size()), 0)
		_ = file.Sync()
	}
	_ = file.Close()
}

// erase removes the note, which names a file, and what it said.
func (n *noted) erase() {
	if n.path == "" {
		return
	}
	if file, err := os.OpenFile(n.path, os.O_RDWR, 0); err == nil {
		overwrite(file)
	}
	_ = os.Remove(n.path)
	// The last one takes the directory along.
	_ = os.Remove(filepath.Dir(n.path))
	touched.Delete(n.path)
}

// abort removes an upload from the server, and then the note of it.
func (s *Store) abort(ctx context.Context, n *noted) error {
	if n.ID == "" {
		err := s.abortUnheard(ctx, n, n.Begun.Add(-unheard), n.Begun.Add(unheard))
		if err == nil {
			n.erase()
		}
		return err
	}
	_, err := s.s3.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &s.s3.bucket, Key: &n.Key, UploadId: &n.ID,
	})
	if err != nil && Status(err) != http.StatusNotFound {
		return err
	}
	n.erase()
	return nil
}

// mostParts is how many an upload has.
const mostParts = 10_000

// unheard is how far our clock and the server's may be apart.
const unheard = 2 * time.Minute

// abortUnheard aborts the uploads of a key that were begun in that time, but for the one
// whose id is known: the answer that would have told the others' was lost. The key is
// below a tree that only this machine writes.
func (s *Store) abortUnheard(ctx context.Context, n *noted, from, to time.Time) error {
	request := &s3.ListMultipartUploadsInput{
		Bucket: &s.s3.bucket, Prefix: &n.Key, EncodingType: types.EncodingTypeUrl,
	}
	page, err := s.s3.client.ListMultipartUploads(ctx, request)
	if err != nil {
		return err
	}
	if n.ID != "" {
		// The server's own clock is the better one.
		for _, upload := range page.Uploads {
			if aws.ToString(upload.UploadId) == n.ID && upload.Initiated != nil {
				from, to = upload.Initiated.Add(from.Sub(to)), *upload.Initiated
			}
		}
	}
	for _, upload := range page.Uploads {
		key, id, at := aws.ToString(upload.Key), aws.ToString(upload.UploadId), aws.ToTime(upload.Initiated)
		if page.EncodingType == types.EncodingTypeUrl {
			if key, err = url.QueryUnescape(key); err != nil {
				return err
			}
		}
		if key != n.Key || id == n.ID || at.Before(from) || at.After(to) {
			continue
		}
		lost := *n
		lost.ID, lost.path = id, ""
		if err := s.abort(ctx, &lost); err != nil {
			return err
		}
	}
	return nil
}

// notes tells whether uploads of this store can be noted, and gone on with.
func (s *Store) notes() bool {
	return s.s3.plain() && !s.s3.opt.DirectoryBucket && s.s3.opt.ServerSideEncryption != "aws:kms"
}

// begun finds the upload of the same file that an earlier run began, and what the server
// has of it. One of something else is aborted.
func (s *Store) begun(ctx context.Context, job *Send, key string, sums *sums) (*noted, error) {
	if job.Notes == "" || job.Data != nil || !s.notes() {
		return nil, nil
	}
	full, place := s.s3.key(key), s.s3.place()
	n, err := readNote(noteOf(job.Notes, place, full))
	if err != nil || n.Place != place || n.Key != full {
		return nil, nil // there is none, or it says nothing
	}
	touched.Store(n.path, true)
	same := n.ID != "" && n.File == job.Expected && n.Part == sums.part
	if same && s.encrypts() {
		same = len(n.Head) == headSize
	}
	if !same {
		return nil, s.abort(ctx, n)
	}
	n.have = map[int32]types.Part{}
	request := &s3.ListPartsInput{Bucket: &s.s3.bucket, Key: &full, UploadId: &n.ID}
	for range mostParts { // a page has one at least
		page, err := s.s3.client.ListParts(ctx, request)
		if Status(err) == http.StatusNotFound {
			n.erase() // somebody has aborted it
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, part := range page.Parts {
			n.have[aws.ToInt32(part.PartNumber)] = part
		}
		if !aws.ToBool(page.IsTruncated) || aws.ToString(page.NextPartNumberMarker) == aws.ToString(request.PartNumberMarker) {
			return n, nil
		}
		request.PartNumberMarker = page.NextPartNumberMarker
	}
	return nil, weather.ErrEndless
}

// Abandon aborts the uploads in the directories of notes that nobody in this process
// knows of, and tells how many there were. Those of other places stay noted.
func (s *Store) Abandon(ctx context.Context, dirs []string) (gone int, err error) {
	if s.s3 == nil {
		return 0, nil
	}
	for _, dir := range dirs {
		entries, _ := os.ReadDir(dir) // mostly there is none
		for _, entry := range entries {
			path := filepath.Join(dir, entry.Name())
			if _, own := touched.Load(path); own {
				continue
			}
			n, e := readNote(path)
			if e != nil || filepath.Ext(path) == ".next" {
				// It was being written: nothing had been sent.
				(&noted{path: path}).erase()
				continue
			}
			if n.Place != s.s3.place() {
				continue
			}
			if e := s.abort(ctx, n); e != nil {
				err = errors.Join(err, e)
				continue
			}
			gone++
		}
	}
	return gone, err
}
