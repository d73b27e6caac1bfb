package dns

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// response is a packed message with a record of every kind.
func response(t testing.TB) []byte {
	name := dnsmessage.MustNewName
	h := func(owner string) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: name(owner), Class: dnsmessage.ClassINET, TTL: 30}
	}
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: 7, Response: true, RecursionAvailable: true})
	b.EnableCompression()
	require.NoError(t, b.StartQuestions())
	require.NoError(t, b.Question(dnsmessage.Question{Name: name("www.example.com."), Type: dnsmessage.TypeALL, Class: dnsmessage.ClassINET}))
	require.NoError(t, b.StartAnswers())
	require.NoError(t, b.CNAMEResource(h("www.example.com."), dnsmessage.CNAMEResource{CNAME: name("web.example.com.")}))
	require.NoError(t, b.AResource(h("web.example.com."), dnsmessage.AResource{A: [4]byte{10, 0, 0, 1}}))
	require.NoError(t, b.AAAAResource(h("web.example.com."), dnsmessage.AAAAResource{}))
	require.NoError(t, b.MXResource(h("web.example.com."), dnsmessage.MXResource{Pref: 10, MX: name("mail.example.com.")}))
	require.NoError(t, b.SRVResource(h("_x._tcp.example.com."), dnsmessage.SRVResource{Port: 80, Target: name("web.example.com.")}))
	require.NoError(t, b.TXTResource(h("web.example.com."), dnsmessage.TXTResource{TXT: []string{"a", "b c"}}))
	require.NoError(t, b.UnknownResource(h("web.example.com."), dnsmessage.UnknownResource{Type: 65280, Data: []byte("\xc0\x0c raw")}))
	require.NoError(t, b.StartAuthorities())
	require.NoError(t, b.SOAResource(h("example.com."), dnsmessage.SOAResource{NS: name("ns.example.com."), MBox: name("root.example.com."), MinTTL: 5}))
	require.NoError(t, b.StartAdditionals())
	var opt dnsmessage.ResourceHeader
	require.NoError(t, opt.SetEDNS0(1232, 0, true))
	require.NoError(t, b.OPTResource(opt, dnsmessage.OPTResource{Options: []dnsmessage.Option{{Code: 15, Data: []byte("\x00\x16why")}}}))
	msg, err := b.Finish()
	require.NoError(t, err)
	return msg
}

func TestMessageRoundTripKeepsEveryRecord(t *testing.T) {
	msg := response(t)
	m, err := parseMessage(slices.Clone(msg))
	require.NoError(t, err)
	assert.False(t, m.lost)
	m.ID++
	want := slices.Clone(msg)
	want[1]++
	assert.Equal(t, want, m.pack(maxMessage), "as it came, but for the ID")
	m.ID--
	m.raw = nil
	assert.Equal(t, unpackAny(t, msg), unpackAny(t, m.pack(maxMessage)))
	assert.Equal(t, "\xc0\x0c raw", string(m.Answers[6].Body.(*dnsmessage.UnknownResource).Data), "unknown RDATA is not touched")
}

// unpackAny is the message without what depends on compression.
func unpackAny(t *testing.T, msg []byte) (m dnsmessage.Message) {
	require.NoError(t, m.Unpack(msg))
	for _, section := range [][]dnsmessage.Resource{m.Answers, m.Authorities, m.Additionals} {
		for i := range section {
			section[i].Header.Length = 0
		}
	}
	return m
}

func TestEveryStrictPrefixOfAMessageFails(t *testing.T) {
	msg := response(t)
	for n := range msg {
		_, err := parseMessage(msg[:n])
		assert.ErrorIs(t, err, errMalformed, "%d octets", n)
	}
}

func TestATruncatedMessageMayEndAnywhereBehindItsQuestion(t *testing.T) {
	msg := response(t)
	msg[2] |= 2
	question := headerLen + len("\x03www\x07example\x03com\x00") + 4
	for n := question; n < len(msg); n++ {
		m, err := parseMessage(msg[:n])
		if assert.NoError(t, err) {
			assert.True(t, m.Truncated)
		}
	}
}

// dotted is the response to a question for TXT of a.x with a text and, in the
// authority section, an SOA whose mailbox has a dot in a label.
const dotted = "\x12\x67\x81\x80\x00\x01\x00\x01\x00\x01\x00\x00" + "\x01a\x01x\x00\x00\x10\x00\x01" +
	"\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x05\x00\x03" + "\x02hi" +
	"\xc0\x0e\x00\x06\x00\x01\x00\x00\x00\x05\x00\x25" + "\x02ns\xc0\x0e" + "\x08john.doe\x01x\x00" + "01234567890123456789"

func TestALabelWithADotSurvivesOnItsWayThrough(t *testing.T) {
	m, err := parseMessage([]byte(dotted))
	require.NoError(t, err)
	assert.Equal(t, dotted, string(m.pack(maxMessage)))
	q := ask(t, "a.x", dnsmessage.TypeTXT)
	q.ID, q.opt = 0x1267, newOPT(false)
	assert.Equal(t, dotted, string(m.answering(q).pack(maxMessage)))

	cut, err := parseMessage(m.pack(len(dotted) - 1))
	require.NoError(t, err)
	assert.True(t, cut.Truncated)
	assert.Len(t, cut.Answers, 1)
	assert.Empty(t, cut.Authorities)
}

func TestARewrittenAnswerDoesWithoutWhatCannotBeRead(t *testing.T) {
	m, err := parseMessage([]byte(dotted))
	require.NoError(t, err)
	resp, err := parseMessage(m.answering(ask(t, "a", dnsmessage.TypeTXT)).pack(maxMessage))
	require.NoError(t, err)
	assert.True(t, resp.Truncated, "something is missing")
	require.Len(t, resp.Answers, 2)
	assert.Equal(t, "a.x.", newRecord(resp.Answers[0]).Data)
	assert.Equal(t, "hi", newRecord(resp.Answers[1]).Data)
	assert.Empty(t, resp.Authorities)
}

func TestAnAnswerThatCannotBeReadIsNotNoData(t *testing.T) {
	const ptr = "\x00\x00\x80\x00\x00\x01\x00\x01\x00\x00\x00\x00" + "\x01a\x01x\x00\x00\x0c\x00\x01" +
		"\xc0\x0c\x00\x0c\x00\x01\x00\x00\x00\x05\x00\x06" + "\x03b.c\xc0\x0e"
	exchange := func(context.Context, []byte) ([]byte, error) { return []byte(ptr), nil }
	_, err := Lookup(t.Context(), exchange, "a.x", dnsmessage.TypePTR)
	assert.ErrorIs(t, err, errUnreadable)
	m, err := parseMessage([]byte(ptr))
	require.NoError(t, err)
	assert.Equal(t, dnsmessage.RCodeServerFailure, m.answering(ask(t, "a", dnsmessage.TypePTR)).rcode())
}

func TestCompressedRDATAOfOldTypesIsNotMoved(t *testing.T) {
	mb := []byte("\x00\x01\x80\x00\x00\x01\x00\x01\x00\x00\x00\x00" + "\x01a\x01b\x00\x00\x07\x00\x01" +
		"\xc0\x0c\x00\x07\x00\x01\x00\x00\x00\x05\x00\x02" + "\xc0\x0e")
	m, err := parseMessage(mb)
	require.NoError(t, err)
	assert.True(t, m.lostAnswers)
	assert.Equal(t, mb, m.pack(maxMessage))
}

func TestPackKeepsToTheLimit(t *testing.T) {
	m := ask(t, "a", 1)
	m.opt = newOPT(false)
	for i := range 100 {
		m.Answers = append(m.Answers, record(name(t, "a"), 1, 60, &dnsmessage.AResource{A: [4]byte{10, 0, 0, byte(i)}}))
	}
	m.Additionals = []dnsmessage.Resource{record(name(t, "a"), 1, 60, &dnsmessage.AResource{})}
	whole, err := parseMessage(m.pack(maxMessage))
	require.NoError(t, err)
	for limit := minUDP; limit < 2000; limit += 7 {
		for _, m := range []*message{m, whole} {
			b := m.pack(limit)
			require.LessOrEqual(t, len(b), limit)
			cut, err := parseMessage(b)
			require.NoError(t, err)
			require.NotNil(t, cut.opt)
			assert.Equal(t, len(cut.Answers) < 100, cut.Truncated)
			if len(cut.Answers) < 100 {
				assert.Empty(t, cut.Additionals)
				assert.Greater(t, len(b), limit-16, "as many as fit")
			}
		}
	}
}

func TestMessageRefuses(t *testing.T) {
	header := func(counts ...uint16) []byte {
		b := []byte{0, 1, 0, 0}
		for _, n := range counts {
			b = binary.BigEndian.AppendUint16(b, n)
		}
		return b
	}
	const q, rr = "\x01a\x00\x00\x01\x00\x01", "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
	for what, msg := range map[string][]byte{
		"nothing":               nil,
		"two questions":         append(header(2, 0, 0, 0), q+q...),
		"65535 records":         append(header(1, 0xffff, 0, 0), q...),
		"two OPT records":       append(header(1, 0, 0, 2), q+rr+rr...),
		"OPT among answers":     append(header(1, 1, 0, 0), q+rr...),
		"OPT below a name":      append(header(1, 0, 0, 1), q+"\x01a"+rr...),
		"option longer than it": append(header(1, 0, 0, 1), q+"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x05\x00\x0f\x00\x09a"...),
	} {
		_, err := parseMessage(msg)
		assert.ErrorIs(t, err, errMalformed, what)
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add(response(f))
	f.Add([]byte(dotted))
	f.Add(newQuery(name(f, "db"), 28, true).pack(maxMessage))
	q := ask(f, "a", 1)
	q.opt = newOPT(true)
	f.Add(q.failure(errBusy).pack(maxMessage))
	f.Fuzz(func(t *testing.T, msg []byte) {
		m, err := parseMessage(msg)
		if err != nil {
			return
		}
		if !bytes.Equal(m.pack(maxMessage), msg) {
			t.Fatal("it was changed on its way through")
		}
		small := m.pack(minUDP)
		if len(small) > minUDP && m.opt == nil {
			t.Fatalf("%d octets", len(small))
		}
		m.raw = nil
		again, err := parseMessage(m.pack(maxMessage))
		if err != nil || again.lost || again.rcode() != m.rcode() {
			t.Fatalf("parseMessage(pack(%#v)) = %#v, %v", m, again, err)
		}
		if !again.Truncated && (len(again.Answers) != len(m.Answers) || len(again.Additionals) != len(m.Additionals)) {
			t.Fatalf("%#v became %#v", m, again)
		}
		if len(m.Questions) == 0 {
			return
		}
		n := m.Questions[0].Name
		if records, err := m.find(n, m.Questions[0].Type); err == nil && len(records) == 0 {
			t.Fatal("found nothing, and no error")
		}
		reverseAddr(n)
		if again, err := newName(nameString(n)); err != nil || again != n {
			t.Fatalf("newName(%q) = %q, %v", nameString(n), again, err)
		}
		m.answering(ask(t, "q", m.Questions[0].Type)).pack(maxMessage)
	})
}
