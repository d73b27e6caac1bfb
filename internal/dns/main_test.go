package dns

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMain fails the run when goroutines of this package are left over.
func TestMain(m *testing.M) {
	code := m.Run()
	left := leftOver()
	for range 100 {
		if len(left) == 0 {
			os.Exit(code)
		}
		time.Sleep(20 * time.Millisecond)
		left = leftOver()
	}
	fmt.Fprintf(os.Stderr, "goroutines left over:\n%s\n", strings.Join(left, "\n\n"))
	os.Exit(1)
}

func leftOver() []string {
	b := make([]byte, 1<<20)
	stacks := strings.Split(string(b[:runtime.Stack(b, true)]), "\n\n")
	return slices.DeleteFunc(stacks, func(stack string) bool {
		return !strings.Contains(stack, "/internal/dns.") || strings.Contains(stack, "TestMain")
	})
}
