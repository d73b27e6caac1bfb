//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// fromTerminal tells that a terminal which interrupts this process interrupts
// the command, too: they are of the process group in its foreground.
func fromTerminal() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
