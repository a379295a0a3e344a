package calls

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rclone/rclone/fs/config"
	"github.com/rclone/rclone/fs/config/obscure"
	"github.com/rclone/rclone/fs/operations"
	"github.com/rclone/rclone/fs/rc"
	"github.com/rclone/rclone/fs/rc/jobs"
	"golang.org/x/sys/unix"

	"bridge/host"
	"bridge/lease"
	"bridge/limit"
	"bridge/store"
	"bridge/weather"
)

func init() {
	for path, fn := range map[string]rc.Func{
		"poof/bwlimit":  limitBandwidth,
		"poof/config":   useConfig,
		"poof/exclude":  excludeRules,
		"poof/key":      deriveKey,
		"poof/lease":    setLease,
		"poof/lock":     lockConfig,
		"poof/log":      drainLog,
		"poof/mirror":   mirror,
		"poof/option":   describeOption,
		"poof/put":      putObject,
		"poof/get":      getObject,
		"poof/unlock":   unlockConfig,
		"poof/wait":     awaitJob,
		"poof/patience": setPatience,
		"poof/class":    setSmallClass,
	} {
		rc.Add(rc.Call{Path: path, Fn: fn})
	}
}

// deriveKey makes secrets of the passwords of a crypt remote: what seals poof's own
// records. Heads of before version 3 are sealed with one at which a weak password can be
// guessed fast; it only opens those.
//
// Parameters: crypt (section). Results: key, before (base64, 32 bytes each).
func deriveKey(_ context.Context, in rc.Params) (rc.Params, error) {
	section, err := in.GetString("crypt")
	if err != nil {
		return nil, err
	}
	sum := hmac.New(sha256.New, []byte("poof: records of a crypt remote, 1"))
	for _, name := range []string{"password", "password2"} {
		value, _ := config.LoadedData().GetValue(section, name)
		if value != "" {
			if value, err = obscure.Reveal(value); err != nil {
				return nil, fmt.Errorf("%s of [%s] is not obscured as rclone does it", name, section)
			}
		}
		// The length keeps apart what would read the same in a row.
		_, _ = fmt.Fprintf(sum, "%d:%s", len(value), value)
	}
	key, err := store.SealSecret(section)
	if err != nil {
		return nil, err
	}
	text := base64.StdEncoding.EncodeToString
	return rc.Params{"key": text(key), "before": text(sum.Sum(nil))}, nil
}

// drainLog returns what rclone logged since the last call.
//
// Results: lines.
func drainLog(context.Context, rc.Params) (rc.Params, error) {
	return rc.Params{"lines": host.DrainLog()}, nil
}

// awaitJob answers as job/status does, once the job has ended or the time is up.
//
// Parameters: those of job/status; millis. Results: also waiting, the seconds since
// when nothing has come through from the remote, and whether it answered with errors.
func awaitJob(ctx context.Context, in rc.Params) (rc.Params, error) {
	id, err := in.GetInt64("jobid")
	if err != nil {
		return nil, err
	}
	millis, err := in.GetInt64("millis")
	if err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	forget, err := jobs.OnFinish(id, func() { close(ended) })
	if err != nil {
		return nil, err
	}
	defer forget()
	select {
	case <-ended:
	case <-time.After(time.Duration(millis) * time.Millisecond):
	}
	out, err := rc.Calls.Get("job/status").Fn(ctx, in)
	if waiting, answered := weather.Waiting(); err == nil && waiting > 0 {
		out["waiting"], out["answered"] = int64(waiting.Seconds()), answered
	}
	return out, err
}

// setPatience sets how long a run waits for a network that is away.
//
// Parameters: seconds.
func setPatience(_ context.Context, in rc.Params) (rc.Params, error) {
	seconds, err := in.GetInt64("seconds")
	if err != nil {
		return nil, err
	}
	weather.SetPatience(time.Duration(seconds) * time.Second)
	return nil, nil
}

// setSmallClass sets the storage class of small objects.
//
// Parameters: small (empty: that of all others).
func setSmallClass(_ context.Context, in rc.Params) (rc.Params, error) {
	class, err := in.GetString("small")
	if err != nil {
		return nil, err
	}
	store.SetSmallClass(class)
	return nil, nil
}

// limitBandwidth sets how many bytes a second are sent and received at most, and says what
// is in force now.
//
// Parameters: rate (as rclone writes it: a rate, UP:DOWN, or a timetable; empty: none), or
// none to set nothing; check (set nothing). Results: wrong (why rate is none; else empty),
// now (the rate of this moment), limited.
func limitBandwidth(_ context.Context, in rc.Params) (rc.Params, error) {
	rate, err := in.GetString("rate")
	if err == nil {
		check, _ := in.GetBool("check")
		if check {
			_, err = limit.Parse(rate)
		} else {
			err = limit.Set(rate)
		}
		if err != nil {
			return rc.Params{"wrong": err.Error(), "now": "", "limited": false}, nil
		}
	}
	pair := limit.InForce()
	return rc.Params{"wrong": "", "now": pair.String(), "limited": pair.IsSet()}, nil
}

// setLease says until when this run has the lock on the remote, or that it is gone.
//
// Parameters: until (in seconds since 1970; 0: there is no lock), lost.
func setLease(_ context.Context, in rc.Params) (rc.Params, error) {
	until, err := in.GetInt64("until")
	if err != nil {
		return nil, err
	}
	switch lost, err := in.GetBool("lost"); {
	case err != nil:
		return nil, err
	case lost:
		lease.Lose()
	case until == 0:
		lease.Until(time.Time{})
	default:
		lease.Until(time.Unix(until, 0))
	}
	return nil, nil
}

// putObject stores a small object.
//
// Parameters: fs, remote, data (base64).
func putObject(ctx context.Context, in rc.Params) (rc.Params, error) {
	f, remote, err := rc.GetFsAndRemote(ctx, in)
	if err != nil {
		return nil, err
	}
	text, err := in.GetString("data")
	if err != nil {
		return nil, err
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("data is not base64")
	}
	ctx = store.InClass(ctx, f, int64(len(data)))
	_, err = operations.RcatSize(ctx, f, remote, io.NopCloser(bytes.NewReader(data)), int64(len(data)), time.Now(), nil)
	return nil, err
}

// getObject reads a small object.
//
// Parameters: fs, remote, limit (bytes; a larger object is an error).
// Results: data (base64).
func getObject(ctx context.Context, in rc.Params) (rc.Params, error) {
	f, remote, err := rc.GetFsAndRemote(ctx, in)
	if err != nil {
		return nil, err
	}
	limit, err := in.GetInt64("limit")
	if err != nil {
		return nil, err
	}
	object, err := f.NewObject(ctx, remote)
	if err != nil {
		return nil, err
	}
	body, err := operations.Open(ctx, object)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", remote, limit)
	}
	return rc.Params{"data": base64.StdEncoding.EncodeToString(data)}, nil
}

// openReport duplicates the descriptor of the caller, who keeps its own.
func openReport(in rc.Params) (*os.File, error) {
	return openFd(in, "report")
}

func openFd(in rc.Params, name string) (*os.File, error) {
	fd, err := in.GetInt64(name)
	if err != nil {
		return nil, err
	}
	// No program that is run meanwhile gets it.
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(copied), name), nil
}

// openDir duplicates the descriptor of a directory; nil if there is none.
func openDir(in rc.Params, name string) (*os.File, error) {
	fd, err := in.GetInt64(name)
	if err != nil || fd < 0 {
		return nil, err
	}
	return openFd(in, name)
}
