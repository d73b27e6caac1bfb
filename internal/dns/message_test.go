package dns

import (
	"encoding/binary"
	"fmt"
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
	m, err := parseMessage(msg)
	require.NoError(t, err)
	again := m.append(nil, maxMessage)
	var want, got dnsmessage.Message
	require.NoError(t, want.Unpack(msg))
	require.NoError(t, got.Unpack(again))
	for _, m := range []*dnsmessage.Message{&want, &got} { // RDLENGTH depends on compression
		for _, section := range [][]dnsmessage.Resource{m.Answers, m.Authorities, m.Additionals} {
			for i := range section {
				section[i].Header.Length = 0
			}
		}
	}
	assert.Equal(t, want, got)
	assert.LessOrEqual(t, len(again), len(msg)+20, "names are compressed")
	assert.Equal(t, "\xc0\x0c raw", m.answers[6].data, "unknown RDATA is not touched")
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
	msg[2] |= flagTruncated >> 8
	question := headerLen + len("\x03www\x07example\x03com\x00") + 4
	for n := question; n < len(msg); n++ {
		m, err := parseMessage(msg[:n])
		if assert.NoError(t, err) {
			assert.NotZero(t, m.flags&flagTruncated)
		}
	}
}

func TestALabelWithADotSurvives(t *testing.T) {
	soa := record{typ: dnsmessage.TypeSOA, class: 1, name: "\x01x\x00",
		data: "\x02ns\x01x\x00" + "\x08john.doe\x01x\x00" + "01234567890123456789"}
	m := &message{question: question{"\x01y\x01x\x00", 1, 1}, authorities: []record{soa}}
	again, err := parseMessage(m.append(nil, maxMessage))
	require.NoError(t, err)
	assert.Equal(t, m, again)
}

func TestCompressedRDATAOfOldTypesIsExpanded(t *testing.T) {
	// NAPTR, which nobody should compress: order, preference, "u", "s", "", pointer
	msg := []byte("\x00\x01\x80\x00\x00\x01\x00\x01\x00\x00\x00\x00" + "\x01a\x01b\x00\x00\x23\x00\x01" +
		"\xc0\x0c\x00\x23\x00\x01\x00\x00\x00\x05\x00\x0b" + "\x00\x01\x00\x02\x01u\x01s\x00\xc0\x0e")
	m, err := parseMessage(msg)
	require.NoError(t, err)
	assert.Equal(t, "\x00\x01\x00\x02\x01u\x01s\x00\x01b\x00", m.answers[0].data)
}

func TestAppendKeepsToTheLimit(t *testing.T) {
	m := &message{question: question{"\x01a\x00", 1, 1}, opt: &opt{size: 1232}}
	for i := range 100 {
		m.answers = append(m.answers, record{"\x01a\x00", 1, 1, 60, fmt.Sprintf("10.%c", i)[:4]})
	}
	m.additionals = []record{{"\x01a\x00", 1, 1, 60, "addi"}}
	for limit := minUDP; limit < 2000; limit += 7 {
		b := m.append(nil, limit)
		require.LessOrEqual(t, len(b), limit)
		cut, err := parseMessage(b)
		require.NoError(t, err)
		require.NotNil(t, cut.opt)
		assert.Equal(t, len(cut.answers) < 100, cut.flags&flagTruncated != 0)
		if len(cut.answers) < 100 {
			assert.Empty(t, cut.additionals)
			assert.Greater(t, len(b), limit-16, "as many as fit")
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
	for name, msg := range map[string][]byte{
		"nothing":               nil,
		"two questions":         append(header(2, 0, 0, 0), q+q...),
		"65535 records":         append(header(1, 0xffff, 0, 0), q...),
		"two OPT records":       append(header(1, 0, 0, 2), q+rr+rr...),
		"OPT among answers":     append(header(1, 1, 0, 0), q+rr...),
		"OPT below a name":      append(header(1, 0, 0, 1), q+"\x01a"+rr...),
		"option longer than it": append(header(1, 0, 0, 1), q+"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x05\x00\x0f\x00\x09a"...),
	} {
		_, err := parseMessage(msg)
		assert.ErrorIs(t, err, errMalformed, name)
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add(response(f))
	f.Add(newQuery("\x02db\x00", 28, true).append(nil, maxMessage))
	f.Add((&message{question: question{"\x01a\x00", 1, 1}, opt: &opt{}}).failure(errBusy).append(nil, maxMessage))
	f.Fuzz(func(t *testing.T, msg []byte) {
		m, err := parseMessage(msg)
		if err != nil {
			return
		}
		b := m.append(nil, maxMessage)
		again, err := parseMessage(b)
		if err != nil {
			t.Fatalf("parseMessage(append(%#v)) = %v", m, err)
		}
		if again.flags&flagTruncated == 0 {
			assert.Equal(t, m, again)
		}
		m.find(m.question.name, m.question.typ)
		m.opt.extendedError()
		reverseAddr(m.question.name)
		if n, err := newName(m.question.name.String()); !m.noQuestion && (err != nil || n != m.question.name) {
			t.Fatalf("newName(%q) = %q, %v", m.question.name, n, err)
		}
		if small := m.append(nil, minUDP+maxEDEText); len(small) > minUDP+maxEDEText && m.opt == nil {
			t.Fatalf("%d octets", len(small))
		}
	})
}
