package wire

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requireProtocolError checks that err is what a session answers with
// GOAWAY(protocol error), and that it says why.
func requireProtocolError(t *testing.T, err error, why string) {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, ProtocolError, e.Code)
	assert.Contains(t, err.Error(), why)
}

// Each of these is refused before any of the payload has arrived.
func TestParseHeaderRejects(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   Header
		why  string
	}{
		{"type 0 is unknown", Header{0, 0, 0, 0}, "unknown frame type 0"},
		{"the type after GOAWAY is unknown", Header{TypeGoAway + 1, 0, 0, 0}, "unknown frame type 8"},
		{"the last type is unknown", Header{255, 0, 0, 0}, "unknown frame type 255"},

		{"OPEN has no flags", Header{TypeOpen, 1, 1, 1}, "undefined flags"},
		{"ACCEPT has no flags", Header{TypeAccept, 1, 0, 1}, "undefined flags"},
		{"DATA has no flag but FIN", Header{TypeData, 2, 1, 1}, "undefined flags"},
		{"FIN does not excuse another flag", Header{TypeData, FlagFIN | 0x80, 1, 1}, "undefined flags"},
		{"CREDIT has no flags", Header{TypeCredit, 1, 8, 1}, "undefined flags"},
		{"RESET has no flags", Header{TypeReset, 1, 2, 1}, "undefined flags"},
		{"PING has no flag but ACK", Header{TypePing, 2, 8, 0}, "undefined flags"},
		{"GOAWAY has no flags", Header{TypeGoAway, 1, 6, 0}, "undefined flags"},

		{"OPEN needs a stream", Header{TypeOpen, 0, 1, 0}, "wrong stream"},
		{"ACCEPT needs a stream", Header{TypeAccept, 0, 0, 0}, "wrong stream"},
		{"DATA needs a stream", Header{TypeData, 0, 1, 0}, "wrong stream"},
		{"CREDIT needs a stream", Header{TypeCredit, 0, 8, 0}, "wrong stream"},
		{"RESET needs a stream", Header{TypeReset, 0, 2, 0}, "wrong stream"},
		{"PING belongs to no stream", Header{TypePing, 0, 8, 1}, "wrong stream"},
		{"GOAWAY belongs to no stream", Header{TypeGoAway, 0, 6, 1 << 31}, "wrong stream"},

		{"OPEN is too short for its kind", Header{TypeOpen, 0, 0, 1}, "not within 1 to 513"},
		{"CREDIT is too short", Header{TypeCredit, 0, 7, 1}, "not within 8 to 8"},
		{"RESET is too short for its code", Header{TypeReset, 0, 1, 1}, "not within 2 to 514"},
		{"PING is too short", Header{TypePing, 0, 7, 0}, "not within 8 to 8"},
		{"GOAWAY is too short for its code", Header{TypeGoAway, 0, 5, 0}, "not within 6 to 518"},

		{"OPEN is too long", Header{TypeOpen, 0, 514, 1}, "not within 1 to 513"},
		{"ACCEPT is too long", Header{TypeAccept, 0, 513, 1}, "not within 0 to 512"},
		{"DATA is too long", Header{TypeData, 0, 32769, 1}, "not within 0 to 32768"},
		{"DATA is as long as the field can say", Header{TypeData, 0, 65535, 1}, "not within 0 to 32768"},
		{"CREDIT is too long", Header{TypeCredit, 0, 9, 1}, "not within 8 to 8"},
		{"RESET is too long", Header{TypeReset, 0, 515, 1}, "not within 2 to 514"},
		{"PING is too long", Header{TypePing, 0, 9, 0}, "not within 8 to 8"},
		{"GOAWAY is too long", Header{TypeGoAway, 0, 519, 0}, "not within 6 to 518"},

		{"DATA is empty without FIN", Header{TypeData, 0, 0, 1}, "empty without FIN"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := tt.in.Append(nil)
			_, err := ParseHeader(b)
			requireProtocolError(t, err, tt.why)
			_, _, err = Parse(b)
			requireProtocolError(t, err, tt.why)
		})
	}
}

func TestParseRejects(t *testing.T) {
	for _, tt := range []struct {
		name    string
		header  Header
		payload string
		why     string
	}{
		{"CREDIT says nothing", Header{TypeCredit, 0, 8, 1}, "\x00\x00\x00\x00\x00\x00\x00\x00", "says nothing"},
		{"OPEN's address is not UTF-8", Header{TypeOpen, 0, 2, 1}, "\x01\xff", "not UTF-8"},
		{"ACCEPT's address is not UTF-8", Header{TypeAccept, 0, 1, 1}, "\xff", "not UTF-8"},
		{"RESET's text ends within a rune", Header{TypeReset, 0, 3, 1}, "\x00\x00\xc3", "not UTF-8"},
		{"GOAWAY's text is a surrogate", Header{TypeGoAway, 0, 9, 0}, "\x00\x00\x00\x00\x00\x00\xed\xa0\x80", "not UTF-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, n, err := Parse(append(tt.header.Append(nil), tt.payload...))
			requireProtocolError(t, err, tt.why)
			assert.Zero(t, n)
		})
	}
}
