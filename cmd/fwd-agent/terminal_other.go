//go:build !unix

package main

// fromTerminal tells that a console which interrupts this process interrupts
// the command, too.
func fromTerminal() bool { return true }
