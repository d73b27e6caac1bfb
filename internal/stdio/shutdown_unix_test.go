//go:build unix

package stdio

import (
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ssh and socat give a ProxyCommand one socket as both input and output.
func TestSocketIsHalfClosed(t *testing.T) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	defer ours.Close()
	defer theirs.Close()
	c := New(ours, ours)
	_, err = io.WriteString(c, "answer")
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	got, err := io.ReadAll(theirs)
	require.NoError(t, err)
	assert.Equal(t, "answer", string(got))

	_, err = io.WriteString(theirs, "more")
	require.NoError(t, err)
	b := make([]byte, 4)
	_, err = io.ReadFull(c, b)
	require.NoError(t, err, "the other direction goes on")
	assert.Equal(t, "more", string(b))
}
