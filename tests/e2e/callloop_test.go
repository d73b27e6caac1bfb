//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// callLoop is a program in the pod caller that asks a URL again and again on
// new connections, and says when who answered.
type callLoop struct {
	s      *space
	out    *lines
	cancel context.CancelFunc
	donec  chan struct{} // closed when the program has ended
}

func (s *space) callLoop(url string) *callLoop {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &callLoop{s: s, out: newLines(), cancel: cancel, donec: make(chan struct{})}
	s.t.Cleanup(l.stop)
	go func() {
		defer close(l.donec)
		_ = s.exec(ctx, "caller", nil, l.out, "bash", "-c",
			fmt.Sprintf(`while true; do who=$(curl -s --max-time 2 %s | cut -d: -f1); echo "$EPOCHREALTIME ${who:-nobody}"; done`, url))
	}()
	return l
}

// next waits for an answer by who after a time, and returns when it came. The
// clocks of this machine and its cluster are one.
func (l *callLoop) next(who string, after time.Time) (at time.Time) {
	l.s.t.Helper()
	l.s.eventually("an answer by "+who, func(context.Context) error {
		for line := range strings.Lines(l.out.String()) {
			f := strings.Fields(line)
			if len(f) != 2 || f[1] != who {
				continue
			}
			seconds, err := strconv.ParseFloat(f[0], 64)
			if err != nil {
				return err
			}
			if at = time.UnixMicro(int64(seconds * 1e6)); at.After(after) {
				return nil
			}
		}
		return errors.New("none yet")
	})
	return at
}

// stop ends the program.
func (l *callLoop) stop() {
	l.cancel()
	<-l.donec
}
