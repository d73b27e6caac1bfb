package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFramesFollowEachOther(t *testing.T) {
	want := []Frame{
		Open{Stream: 1, Kind: KindTCP, Address: "[::1]:80"},
		Data{Stream: 1, Payload: []byte("optimistic")},
		Accept{Stream: 1, Address: "10.0.0.7:80"},
		Credit{Stream: 1, Consumed: 10, Grow: 20},
		Ping{Data: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}},
		Ping{ACK: true, Data: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}},
		Data{Stream: 1, FIN: true, Payload: []byte{}},
		Reset{Stream: 2, Code: ConnRefused, Text: "dial"},
		GoAway{Last: 2, Code: ShuttingDown, Text: "adieu"},
	}
	var b []byte
	for _, f := range want {
		b = f.Append(b)
	}
	var got []Frame
	for len(b) > 0 {
		f, n, err := Parse(b)
		require.NoError(t, err)
		got = append(got, f)
		b = b[n:]
	}
	assert.Equal(t, want, got)
}

func TestDataOverMaxPayloadPanics(t *testing.T) {
	assert.Panics(t, func() { Data{Stream: 1, Payload: make([]byte, MaxPayload+1)}.Append(nil) })
}

func TestTextsAreCutToWhatParses(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	carriers := []struct {
		name  string
		limit int
		value func(text string) value
		text  func(value) string
	}{
		{"OPEN", MaxAddress,
			func(s string) value { return Open{Stream: 1, Kind: KindTCP, Address: s} },
			func(v value) string { return v.(Open).Address }},
		{"ACCEPT", MaxAddress,
			func(s string) value { return Accept{Stream: 1, Address: s} },
			func(v value) string { return v.(Accept).Address }},
		{"RESET", MaxText,
			func(s string) value { return Reset{Stream: 1, Text: s} },
			func(v value) string { return v.(Reset).Text }},
		{"GOAWAY", MaxText,
			func(s string) value { return GoAway{Text: s} },
			func(v value) string { return v.(GoAway).Text }},
		{"HELLO", MaxHello - helloFixedLen - NonceLen - KeyIDLen,
			func(s string) value { return testHello(s) },
			func(v value) string { return v.(Hello).Build }},
	}
	for _, c := range carriers {
		parse, l := parseFrame, c.limit
		if c.name == "HELLO" {
			parse = parseHello
		}
		for _, tt := range []struct{ name, in, want string }{
			{"an empty text stays", "", ""},
			{"a text at the limit stays", x(l), x(l)},
			{"a rune that ends at the limit stays", x(l-2) + "é", x(l-2) + "é"},
			{"a text over the limit is cut", x(l + 1), x(l)},
			{"a text over the length field is cut", x(1 << 17), x(l)},
			{"a rune across the limit goes whole", x(l-1) + "é", x(l - 1)},
			{"a four-byte rune across the limit goes whole", x(l-3) + "\U0001F600", x(l - 3)},
			{"bytes that are not UTF-8 are replaced", "a\xff\xfeb", "a\uFFFDb"},
			{"a replacement that does not fit is cut", x(l-1) + "\xff", x(l - 1)},
		} {
			t.Run(c.name+": "+tt.name, func(t *testing.T) {
				b := c.value(tt.in).Append(nil)
				got, n, err := parse(b)
				require.NoError(t, err)
				assert.Equal(t, len(b), n)
				assert.Equal(t, tt.want, c.text(got))
			})
		}
	}
}
