package main

import (
	"fmt"
	"os"
	"time"
)

// say prints one line of progress to stderr.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "cluster: "+format+"\n", args...)
}

// step says what is being done and how long that usually takes, does it, and
// says how long it took.
func step(what, usual string, do func() error) error {
	say("%s (%s) …", what, usual)
	start := time.Now()
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	say("%s: done in %s", what, time.Since(start).Round(100*time.Millisecond))
	return nil
}
