//go:build linux

package claim

import (
	"fmt"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// maxWho is the most bytes of Holder.Who that are kept.
const maxWho = 256

// Holder is who has a port.
type Holder struct {
	Who      string    `json:"who"`   // for people; empty if it is not known
	Since    time.Time `json:"since"` // zero if it is not known
	Filtered bool      `json:"filtered"`
}

// tidy is h without what would upset a terminal: h may come from anybody.
func (h Holder) tidy() Holder {
	h.Who = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, h.Who)
	if len(h.Who) > maxWho {
		h.Who = strings.ToValidUTF8(h.Who[:maxWho], "")
	}
	h.Who = strings.TrimSpace(h.Who)
	return h
}

// HeldError is the error when somebody has the whole port. It is EADDRINUSE.
type HeldError struct {
	Port uint16
	Holder
}

func (e *HeldError) Error() string {
	who := e.Who
	if who == "" {
		who = "someone"
	}
	if e.Since.IsZero() {
		return fmt.Sprintf("port %d is held by %s", e.Port, who)
	}
	return fmt.Sprintf("port %d is held by %s since %s", e.Port, who, e.Since.UTC().Format("2006-01-02 15:04:05 MST"))
}

func (e *HeldError) Unwrap() error { return syscall.EADDRINUSE }
