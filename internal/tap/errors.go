//go:build linux

package tap

import (
	"errors"
	"fmt"
)

// ErrLost is what a copy ends with that would have a hole.
var ErrLost = errors.New("bytes of the copy were lost")

// LostError is an ErrLost that says how much is missing.
type LostError struct {
	Bytes uint32 // at the place where the copy ends; 0: nobody knows
}

func (e *LostError) Error() string {
	if e.Bytes == 0 {
		return ErrLost.Error()
	}
	return fmt.Sprintf("%d bytes of the copy were lost", e.Bytes)
}

// Is makes a LostError an ErrLost.
func (e *LostError) Is(target error) bool { return target == ErrLost }
