package dns

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/dns/dnsmessage"
)

// A Record is one resource record as people read it. Names in it are fully
// qualified and end with a dot, as `dig +short` and `host` print them, so that
// they can be given back without being searched for.
type Record struct {
	Name string `json:"name"` // the owner, at the end of the CNAMEs
	Type string `json:"type"` // "A", "SRV", …, or "TYPE257"
	TTL  uint32 `json:"ttl"`  // seconds

	// Data is, by type:
	//
	//	A, AAAA         the address
	//	CNAME, NS, PTR  the name
	//	MX              preference and host
	//	SRV             priority, weight, port and target
	//	TXT             the text, its strings joined (RFC 7208 section 3.3), no quotes
	//	any other       \# length hex (RFC 3597 section 5)
	Data string `json:"data"`
}

// String is Data on one line: what is not printable in a TXT record is written
// as \DDD, octet by octet.
func (r Record) String() string {
	var sb strings.Builder
	for s := r.Data; s != ""; {
		c, size := utf8.DecodeRuneInString(s)
		if unicode.IsPrint(c) && !(c == utf8.RuneError && size == 1) {
			sb.WriteString(s[:size])
		} else {
			for _, octet := range []byte(s[:size]) {
				fmt.Fprintf(&sb, `\%03d`, octet)
			}
		}
		s = s[size:]
	}
	return sb.String()
}

// The types that fwd-resolve knows by name.
var typeNames = map[dnsmessage.Type]string{
	dnsmessage.TypeA: "A", dnsmessage.TypeAAAA: "AAAA", dnsmessage.TypeCNAME: "CNAME",
	dnsmessage.TypeSRV: "SRV", dnsmessage.TypeTXT: "TXT", dnsmessage.TypeMX: "MX",
	dnsmessage.TypeNS: "NS", dnsmessage.TypePTR: "PTR",
}

// ParseType reads a type's name in either case, such as "SRV".
func ParseType(s string) (dnsmessage.Type, error) {
	for typ, name := range typeNames {
		if strings.EqualFold(s, name) {
			return typ, nil
		}
	}
	return 0, fmt.Errorf("record type %q: not one of A, AAAA, CNAME, SRV, TXT, MX, NS, PTR", s)
}

func typeString(t dnsmessage.Type) string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// newRecord puts a record into words.
func newRecord(r record) (Record, error) {
	data, err := printRData(r.typ, []byte(r.data))
	return Record{Name: r.name.String(), Type: typeString(r.typ), TTL: r.ttl, Data: data}, err
}

func printRData(typ dnsmessage.Type, b []byte) (string, error) {
	word := func(i int) string { return strconv.Itoa(int(binary.BigEndian.Uint16(b[2*i:]))) }
	words := map[dnsmessage.Type]int{dnsmessage.TypeMX: 1, dnsmessage.TypeSRV: 3}
	switch typ {
	case dnsmessage.TypeA, dnsmessage.TypeAAAA:
		addr, ok := netip.AddrFromSlice(b)
		if !ok || addr.Is4() != (typ == dnsmessage.TypeA) {
			return "", errMalformed
		}
		return addr.String(), nil
	case dnsmessage.TypeCNAME, dnsmessage.TypeNS, dnsmessage.TypePTR, dnsmessage.TypeMX, dnsmessage.TypeSRV:
		var fields []string
		for i := range words[typ] {
			fields = append(fields, word(i)) // expandRData has checked the length
		}
		n, _, err := parseName(b, 2*words[typ])
		return strings.Join(append(fields, n.String()), " "), err
	case dnsmessage.TypeTXT:
		var sb strings.Builder
		for len(b) > 0 {
			end := 1 + int(b[0])
			if end > len(b) {
				return "", errMalformed
			}
			sb.Write(b[1:end])
			b = b[end:]
		}
		return sb.String(), nil
	}
	return strings.TrimRight(fmt.Sprintf(`\# %d %x`, len(b), b), " "), nil
}
