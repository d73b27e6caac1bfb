package link

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/streaming/pkg/httpstream"
)

// each runs a test over both transports and both orders in which runtimes end
// their streams, against a node that serves like this.
func each(t *testing.T, serve func(data httpstream.Stream, conn httpstream.Connection) string, test func(*testing.T, *Conn)) {
	for name, n := range map[string]*node{
		"WebSocket":            {},
		"SPDY":                 {noWebSocket: true},
		"WebSocket text first": {textFirst: true},
	} {
		t.Run(name, func(t *testing.T) {
			n.serve = serve
			conn, err := newNode(t, n).dialer().Dial(t.Context())
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
			test(t, conn.(*Conn))
		})
	}
}

func echo(data httpstream.Stream, _ httpstream.Connection) string {
	io.Copy(data, data)
	return ""
}

func TestConnCarriesData(t *testing.T) {
	each(t, echo, func(t *testing.T, conn *Conn) {
		sent := make([]byte, 3<<20+17)
		rand.Read(sent)
		wrote := make(chan error, 1)
		go func() {
			_, err := conn.Write(sent)
			wrote <- err
		}()
		got := make([]byte, len(sent))
		_, err := io.ReadFull(conn, got)
		require.NoError(t, err)
		require.NoError(t, <-wrote)
		assert.True(t, bytes.Equal(sent, got))
	})
}

func TestConnServerSpeaksFirst(t *testing.T) {
	greet := func(data httpstream.Stream, _ httpstream.Connection) string {
		io.WriteString(data, "220 ready\r\n")
		io.Copy(io.Discard, data)
		return ""
	}
	each(t, greet, func(t *testing.T, conn *Conn) {
		got := make([]byte, 11)
		_, err := io.ReadFull(conn, got)
		require.NoError(t, err)
		assert.Equal(t, "220 ready\r\n", string(got))
	})
}

func TestConnHalfCloseIsHeardAndAnswered(t *testing.T) {
	answer := func(data httpstream.Stream, _ httpstream.Connection) string {
		all, _ := io.ReadAll(data)
		data.Write(append([]byte("got "), all...))
		return ""
	}
	each(t, answer, func(t *testing.T, conn *Conn) {
		_, err := conn.Write([]byte("question"))
		require.NoError(t, err)
		require.NoError(t, conn.CloseWrite())
		require.NoError(t, conn.CloseWrite(), "twice is once")
		got, err := io.ReadAll(conn)
		require.NoError(t, err)
		assert.Equal(t, "got question", string(got))

		_, err = conn.Write([]byte("more"))
		assert.ErrorIs(t, err, syscall.EPIPE)
	})
}

func TestConnErrorTextIsTheReadError(t *testing.T) {
	for _, tc := range []struct {
		text string
		want error
	}{
		{`error forwarding port 61234 to pod 0f, uid : failed to execute portforward in network namespace "/var/run/netns/cni-1": failed to connect to localhost:61234 inside namespace "0f", IPv4: dial tcp4 127.0.0.1:61234: connect: connection refused IPv6 dial tcp6 [::1]:61234: connect: connection refused `, syscall.ECONNREFUSED},
		{`… read tcp4 127.0.0.1:4->127.0.0.1:5: read: connection reset by peer`, syscall.ECONNRESET},
		{`error forwarding port 61234 to pod 0f, uid : network namespace for sandbox "0f" is closed`, ErrPodGone},
	} {
		fail := func(httpstream.Stream, httpstream.Connection) string { return tc.text }
		each(t, fail, func(t *testing.T, conn *Conn) {
			_, err := conn.Read(make([]byte, 1))
			require.ErrorIs(t, err, tc.want)
			var op *net.OpError
			require.ErrorAs(t, err, &op)
			var remote *RemoteError
			require.ErrorAs(t, err, &remote)
			assert.Contains(t, tc.text, remote.Text)

			_, err = conn.Write([]byte("x"))
			assert.ErrorIs(t, err, tc.want, "writes fail with the same")
		})
	}
}

func TestConnUnknownErrorTextIsShown(t *testing.T) {
	fail := func(httpstream.Stream, httpstream.Connection) string { return "the moon is full" }
	each(t, fail, func(t *testing.T, conn *Conn) {
		_, err := io.ReadAll(conn)
		require.EqualError(t, err, "read portforward prod/web-1:61234: the node says: the moon is full")
	})
}

func TestConnDataBeforeErrorIsKept(t *testing.T) {
	fail := func(data httpstream.Stream, _ httpstream.Connection) string {
		io.WriteString(data, "half an answ")
		return "connection reset by peer"
	}
	each(t, fail, func(t *testing.T, conn *Conn) {
		got, err := io.ReadAll(conn)
		require.ErrorIs(t, err, syscall.ECONNRESET)
		assert.Equal(t, "half an answ", string(got))
	})
}

func TestConnLostIsNotEOF(t *testing.T) {
	hang := make(chan struct{})
	vanish := func(data httpstream.Stream, _ httpstream.Connection) string {
		io.WriteString(data, "x")
		<-hang
		return ""
	}
	each(t, vanish, func(t *testing.T, conn *Conn) {
		_, err := io.ReadFull(conn, make([]byte, 1))
		require.NoError(t, err)
		conn.raw.Close() // beneath it, as if the network had
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, ErrLost)
		_, err = conn.Write([]byte("x"))
		assert.ErrorIs(t, err, ErrLost)
	})
	close(hang)
}

func TestConnNodeGoesAwayIsLost(t *testing.T) {
	away := func(data httpstream.Stream, conn httpstream.Connection) string {
		// Without its streams, so that only the connection's end is said.
		conn.RemoveStreams(data)
		conn.Close()
		return ""
	}
	each(t, away, func(t *testing.T, conn *Conn) {
		_, err := conn.Read(make([]byte, 1))
		require.Error(t, err)
		assert.NotErrorIs(t, err, io.EOF)
	})
}

func TestConnResetIsNotEOF(t *testing.T) {
	reset := func(data httpstream.Stream, conn httpstream.Connection) string {
		data.Reset()
		<-conn.CloseChan()
		return ""
	}
	each(t, reset, func(t *testing.T, conn *Conn) {
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
	})
}

// A runtime that ends the data and says nothing more must not hold a reader.
func TestConnEOFWithoutTheErrorStreamsEnd(t *testing.T) {
	half := func(data httpstream.Stream, conn httpstream.Connection) string {
		data.Close()
		<-conn.CloseChan()
		return ""
	}
	each(t, half, func(t *testing.T, conn *Conn) {
		_, err := conn.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		_, err = conn.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
	})
}

func TestConnEOFStaysEOFWhenTheConnectionEnds(t *testing.T) {
	each(t, idle, func(t *testing.T, conn *Conn) {
		_, err := conn.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		conn.raw.Close()
		<-conn.lostc
		_, err = conn.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
	})
}

func TestConnCloseUnblocks(t *testing.T) {
	stuck := func(data httpstream.Stream, conn httpstream.Connection) string {
		<-conn.CloseChan()
		return ""
	}
	each(t, stuck, func(t *testing.T, conn *Conn) {
		errs := make(chan error, 2)
		go func() {
			_, err := conn.Read(make([]byte, 1))
			errs <- err
		}()
		go func() {
			big := make([]byte, 64<<20) // more than any buffer on the way
			_, err := conn.Write(big)
			errs <- err
		}()
		// Until the writer is stuck; if it is not yet, Close must cope as well.
		time.Sleep(50 * time.Millisecond)
		require.NoError(t, conn.Close())
		require.NoError(t, conn.Close())
		for range 2 {
			assert.ErrorIs(t, <-errs, net.ErrClosed)
		}
		_, err := conn.Read(make([]byte, 1))
		assert.ErrorIs(t, err, net.ErrClosed)
		_, err = conn.Write([]byte("x"))
		assert.ErrorIs(t, err, net.ErrClosed)
	})
}

func TestConnReadDeadline(t *testing.T) {
	each(t, echo, func(t *testing.T, conn *Conn) {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(-time.Second)))
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		assert.True(t, timeout.Timeout())

		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded, "the link is of no use any more")
		_, err = conn.Write([]byte("x"))
		require.Error(t, err)
	})
}

// Moving it wakes a reader that waits already.
func TestConnReadDeadlineWhileReading(t *testing.T) {
	each(t, echo, func(t *testing.T, conn *Conn) {
		errs := make(chan error, 1)
		go func() {
			_, err := conn.Read(make([]byte, 1))
			errs <- err
		}()
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
		require.ErrorIs(t, <-errs, os.ErrDeadlineExceeded)
	})
}

func TestConnAnswersPings(t *testing.T) {
	n := newNode(t, &node{pings: 10 * time.Millisecond, serve: func(data httpstream.Stream, conn httpstream.Connection) string {
		// spdystream sends the next ping only when the last was answered, so the
		// data that comes through after many intervals says little; that the
		// link is still whole says that pings do no harm.
		time.Sleep(100 * time.Millisecond)
		io.Copy(data, data)
		return ""
	}})
	conn, err := n.dialer().Dial(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("x"))
	require.NoError(t, err)
	_, err = io.ReadFull(conn, make([]byte, 1))
	require.NoError(t, err)
}
