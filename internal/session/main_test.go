package session

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noLeaks fails the test if goroutines are left when it is over. A test in a
// synctest bubble needs none: the bubble waits for its goroutines.
func noLeaks(t testing.TB) {
	running := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, running) })
}
