package weather

import (
	"fmt"
	"sync/atomic"
)

// A server that invents new names has a listing without end that repeats nothing. Nobody
// knows beforehand how many objects there are: others may have put some there. But there is
// a number of them that nobody has (ten times of what a bucket of poof may be thought to
// hold), and memory that a listing cannot take without harm to all else on the machine.
// Both are variables for the tests.
var (
	MostNames  int64 = 100_000_000
	MostMemory       = max(machineMemory()/2, 512<<20)
)

// What is kept of an object besides its texts: src/tree/model/inventory.rs.
const eachName = 96

// Ration is what one listing may take.
type Ration struct{ names, memory atomic.Int64 }

// NewRation is a whole ration.
func NewRation() *Ration { return &Ration{} }

// Take counts an object with so many bytes of text; ErrEndless if that is more than can be.
func (r *Ration) Take(text int) error {
	names, memory := r.names.Add(1), r.memory.Add(int64(text)+eachName)
	if names > MostNames || memory > MostMemory {
		return fmt.Errorf("%w: it has listed %d objects so far, whose names take %d MiB of memory here", ErrEndless, names, memory>>20)
	}
	return nil
}

// Pass counts an object of which nothing is kept.
func (r *Ration) Pass() error { return r.Take(-eachName) }
