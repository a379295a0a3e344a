package store

import "errors"

// failedHere is an error of this machine's disk while something was read from the
// remote, which has no part in it.
type failedHere struct{ error }

func (f failedHere) Unwrap() error { return f.error }

// here marks an error of a file that is written on this machine.
func here(err error) error {
	if err == nil {
		return nil
	}
	return failedHere{err}
}

// IsHere tells whether err is one of this machine's disk.
func IsHere(err error) bool {
	var local failedHere
	return errors.As(err, &local)
}
