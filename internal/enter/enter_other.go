//go:build !linux

package enter

import "errors"

// Exec is for Linux.
func Exec(Pod, []string) error { return errors.ErrUnsupported }

// Wait is for Linux.
func Wait(int) error { return errors.ErrUnsupported }
