package transcript

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	caller = netip.MustParseAddrPort("10.1.0.7:4711")
	local  = netip.MustParseAddrPort("10.1.0.9:80")
)

func TestJSONL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // for its clock
		var out bytes.Buffer
		j := NewJSONL(&out)
		first, err := j.Open(caller, local)
		require.NoError(t, err)
		second, err := j.Open(netip.MustParseAddrPort("[fd00::7]:4711"), netip.MustParseAddrPort("[fd00::9]:80"))
		require.NoError(t, err)
		time.Sleep(1500 * time.Microsecond)
		for _, b := range [][]byte{[]byte("GET / HTTP/1.1\r\n<é>\x00"), nil, {0x16, 0x03, 0xff}} {
			n, err := first.Write(b)
			require.NoError(t, err)
			assert.Equal(t, len(b), n)
		}
		require.NoError(t, first.Close(nil))
		require.NoError(t, first.Close(errors.New("late")))
		require.NoError(t, second.Close(errors.New("12 bytes were not seen")))
		assert.Equal(t, strings.TrimLeft(`
{"time":"2000-01-01T00:00:00.000000Z","event":"open","id":1,"caller":"10.1.0.7:4711","local":"10.1.0.9:80"}
{"time":"2000-01-01T00:00:00.000000Z","event":"open","id":2,"caller":"[fd00::7]:4711","local":"[fd00::9]:80"}
{"time":"2000-01-01T00:00:00.001500Z","event":"data","id":1,"caller":"10.1.0.7:4711","local":"10.1.0.9:80","text":"GET / HTTP/1.1\r\n<é>\u0000"}
{"time":"2000-01-01T00:00:00.001500Z","event":"data","id":1,"caller":"10.1.0.7:4711","local":"10.1.0.9:80","base64":"FgP/"}
{"time":"2000-01-01T00:00:00.001500Z","event":"close","id":1,"caller":"10.1.0.7:4711","local":"10.1.0.9:80"}
{"time":"2000-01-01T00:00:00.001500Z","event":"close","id":2,"caller":"[fd00::7]:4711","local":"[fd00::9]:80","error":"12 bytes were not seen"}
`, "\n"), out.String())
	})
}

// lines wants whole lines.
type lines struct{ t *testing.T }

func (l lines) Write(b []byte) (int, error) {
	assert.True(l.t, json.Valid(b), "%q", b)
	return len(b), nil
}

func TestJSONLWritesWholeLines(t *testing.T) {
	j := NewJSONL(lines{t})
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			c, err := j.Open(caller, local)
			assert.NoError(t, err)
			for range 100 {
				c.Write(bytes.Repeat([]byte("é"), 1000))
			}
			assert.NoError(t, c.Close(nil))
		})
	}
	wg.Wait()
}

// closed is a pipe that nobody reads.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestErrorsOfTheWriterAreKept(t *testing.T) {
	j := NewJSONL(closed{})
	c, err := j.Open(caller, local)
	assert.ErrorIs(t, err, syscall.EPIPE)
	_, err = c.Write([]byte("x"))
	assert.ErrorIs(t, err, syscall.EPIPE)
	assert.ErrorIs(t, c.Close(nil), syscall.EPIPE)

	_, err = NewPcap(closed{})
	assert.ErrorIs(t, err, syscall.EPIPE)
}
