package stdio

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// piped is a Conn on two pipes, and the other ends of them.
func piped(t *testing.T) (c *Conn, in, out *os.File) {
	inR, in, err := os.Pipe()
	require.NoError(t, err)
	out, outW, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, f := range []*os.File{inR, in, out, outW} {
			f.Close()
		}
	})
	return New(inR, outW), in, out
}

func TestReadIsAllOfInput(t *testing.T) {
	c, in, _ := piped(t)
	want := strings.Repeat("0123456789abcdef", 50_000)
	go func() {
		io.WriteString(in, want)
		in.Close()
	}()
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	assert.True(t, want == string(got), "read %d bytes, want %d", len(got), len(want))
	_, err = c.Read(make([]byte, 1))
	assert.Equal(t, io.EOF, err, "and again")
}

func TestCloseWriteEndsOutputAndNotInput(t *testing.T) {
	c, in, out := piped(t)
	_, err := io.WriteString(c, "answer")
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	got, err := io.ReadAll(out)
	require.NoError(t, err)
	assert.Equal(t, "answer", string(got))

	_, err = io.WriteString(in, "more")
	require.NoError(t, err)
	b := make([]byte, 4)
	_, err = io.ReadFull(c, b)
	require.NoError(t, err)
	assert.Equal(t, "more", string(b))
}

func TestCloseEndsAReadThatWaits(t *testing.T) {
	c, _, _ := piped(t)
	errc := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 1))
		errc <- err
	}()
	require.NoError(t, c.Close())
	require.NoError(t, c.Close(), "again")
	assert.ErrorIs(t, <-errc, net.ErrClosed)
}

func TestReadErrorIsKept(t *testing.T) {
	c, in, _ := piped(t)
	c.in.Close()
	in.Close()
	_, err := c.Read(make([]byte, 1))
	for range 2 {
		assert.True(t, errors.Is(err, os.ErrClosed) || err == io.EOF, "Read = %v", err)
		_, err = c.Read(make([]byte, 1))
	}
}
