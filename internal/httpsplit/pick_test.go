package httpsplit

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/httpfilter"
)

// copied is what Pick copies.
type copied struct{ bytes.Buffer }

func (*copied) Close() error { return nil }

func TestPick(t *testing.T) {
	filter, err := httpfilter.Compile(&alice)
	require.NoError(t, err)
	const upgradeTo = "GET /u HTTP/1.1\r\nX-User: alice\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
	for _, tt := range []struct {
		name, sent, want string
		matches          int
	}{
		{"nothing", "", "", 0},
		{"no HTTP", "\x16\x03\x01", "", 0},
		{"what does not match", toApp + postApp, "", 0},
		{"what matches, of several", toApp + toClient + postApp + chunkedTo + toApp + expectTo, toClient + chunkedTo + expectTo, 3},
		{"a part of one that is cut off", expectTo[:len(expectTo)-1], expectTo[:len(expectTo)-1], 1},
		{"half a head", toClient + toClient[:20], toClient, 1},
		{"what follows something strange", toClient + "\r\n" + toClient, toClient, 1},
		{"all of what may be another protocol", upgradeTo + "anything" + toApp, upgradeTo + "anything" + toApp, 1},
		{"nothing of what may be another protocol", strings.ReplaceAll(upgradeTo, "alice", "bob") + toClient, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, src := range map[string]io.Reader{"whole": strings.NewReader(tt.sent), "byte by byte": &dribble{tt.sent}} {
				var dst *copied
				matches := 0
				err := Pick(src, filter, func() (io.ReadWriteCloser, error) {
					require.Nil(t, dst, "opened once")
					dst = new(copied)
					return dst, nil
				}, func() { matches++ })
				require.NoError(t, err)
				got := ""
				if dst != nil {
					got = dst.String()
				}
				assert.Equal(t, tt.want, got, name)
				assert.Equal(t, tt.matches, matches, name)
			}
		})
	}
}

// dribble gives a byte at a time.
type dribble struct{ rest string }

func (d *dribble) Read(b []byte) (int, error) {
	if d.rest == "" {
		return 0, io.EOF
	}
	n := copy(b[:1], d.rest)
	d.rest = d.rest[n:]
	return n, nil
}
