package cork

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pieces is a connection that remembers each Write.
type pieces struct {
	net.Conn
	wrote []string
	err   error
}

func (p *pieces) Write(b []byte) (int, error) {
	p.wrote = append(p.wrote, string(b))
	return len(b), p.err
}

func TestWritesAreGathered(t *testing.T) {
	under := &pieces{}
	c := New(under)
	io.WriteString(c, "a")
	c.Cork()
	io.WriteString(c, "b")
	io.WriteString(c, "c")
	assert.Equal(t, []string{"a"}, under.wrote)
	require.NoError(t, c.Uncork())
	io.WriteString(c, "d")
	assert.Equal(t, []string{"a", "bc", "d"}, under.wrote)
	c.Cork()
	require.NoError(t, c.Uncork())
	assert.Len(t, under.wrote, 3, "nothing to write")
}

func TestMuchIsWrittenThoughCorked(t *testing.T) {
	under := &pieces{}
	c := New(under)
	c.Cork()
	much := strings.Repeat("x", writeSize/2)
	for range 3 {
		io.WriteString(c, much)
	}
	assert.Equal(t, []string{much + much}, under.wrote)
	require.NoError(t, c.Uncork())
	assert.Equal(t, []string{much + much, much}, under.wrote)
}

func TestFailureToWriteIsSaid(t *testing.T) {
	c := New(&pieces{err: io.ErrClosedPipe})
	c.Cork()
	_, err := io.WriteString(c, "a")
	require.NoError(t, err)
	assert.Equal(t, io.ErrClosedPipe, c.Uncork())
}

// reads is a connection that brings one string a Read.
type reads struct {
	net.Conn
	come []string
}

func (r *reads) Read(b []byte) (int, error) {
	if len(r.come) == 0 {
		return 0, io.EOF
	}
	n := copy(b, r.come[0])
	r.come = r.come[1:]
	return n, nil
}

func TestBeforeReadComesBeforeTheLowestRead(t *testing.T) {
	c := New(New(&reads{come: []string{"one ", "two"}}))
	var got, seen strings.Builder
	c.BeforeRead(func() { seen.WriteString("[" + got.String() + "]") })
	b := make([]byte, 2)
	for {
		n, err := c.Read(b)
		got.Write(b[:n])
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
	}
	assert.Equal(t, "[][one ][one two]", seen.String())
}
