package fwd

import (
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// portForward is a port-forward as container runtimes do it: a second after the
// end of one direction everything is over.
type portForward struct {
	net.Conn
	pod   net.Conn
	ended bool
}

func newPortForward() (*DirectConn, *portForward) {
	here, pod := net.Pipe()
	f := &portForward{Conn: here, pod: pod}
	return &DirectConn{forward: f, quiet: quietTime}, f
}

func (f *portForward) CloseWrite() error {
	f.ended = true
	time.AfterFunc(time.Second, func() { f.pod.Close() })
	return nil
}

// says lets the pod say n times something, each after a pause, and then end.
func (f *portForward) says(n int, pause time.Duration) {
	go func() {
		for range n {
			time.Sleep(pause)
			f.pod.Write([]byte("word "))
		}
		time.Sleep(pause)
		f.pod.Close()
	}()
}

func TestDirectConnHearsAllThatThePodSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := newPortForward()
		f.says(3, quietTime-time.Second)
		require.NoError(t, c.CloseWrite())
		require.NoError(t, c.CloseWrite())
		heard, err := io.ReadAll(c)
		require.NoError(t, err)
		assert.Equal(t, "word word word ", string(heard))
		assert.False(t, f.ended, "the pod was told of the end")
	})
}

func TestDirectConnEndWhileReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := newPortForward()
		time.AfterFunc(time.Hour, func() { c.CloseWrite() })
		f.says(1, time.Hour+quietTime-time.Second)
		heard, err := io.ReadAll(c)
		assert.ErrorIs(t, err, net.ErrClosed)
		assert.Equal(t, "word ", string(heard))
		time.Sleep(2 * time.Hour) // until the pod has come to its own end
	})
}

func TestDirectConnTimeOfASlowReaderIsNotThePods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := newPortForward()
		f.says(1, 0)
		require.NoError(t, c.CloseWrite())
		time.Sleep(time.Hour)
		heard, err := io.ReadAll(c)
		require.NoError(t, err)
		assert.Equal(t, "word ", string(heard))
	})
}

func TestDirectConnCutsOffAPodThatIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := newPortForward()
		f.says(1, 2*quietTime)
		require.NoError(t, c.CloseWrite())
		begin := time.Now()
		_, err := io.ReadAll(c)
		assert.EqualError(t, err, "cut off: nothing came for 10s after the end of input, "+
			"and without an agent the pod cannot be told of that end alone")
		assert.ErrorIs(t, err, net.ErrClosed)
		assert.Equal(t, quietTime+time.Second, time.Since(begin))
		assert.True(t, f.ended, "the pod was told of the end")
		time.Sleep(time.Hour) // until the pod has come to its own end
	})
}

func TestDirectConnCannotWriteAfterThePodsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := newPortForward()
		f.says(0, 0)
		_, err := io.ReadAll(c)
		require.NoError(t, err)
		_, err = c.Write([]byte("x"))
		assert.ErrorIs(t, err, syscall.EPIPE)
	})
}
