package dns

import (
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
	//	SOA             its names and numbers, as dig prints them
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
func newRecord(r dnsmessage.Resource) Record {
	return Record{Name: nameString(r.Header.Name), Type: typeString(r.Header.Type), TTL: r.Header.TTL, Data: printRData(r.Body)}
}

func printRData(body dnsmessage.ResourceBody) string {
	switch b := body.(type) {
	case *dnsmessage.AResource:
		return netip.AddrFrom4(b.A).String()
	case *dnsmessage.AAAAResource:
		return netip.AddrFrom16(b.AAAA).String()
	case *dnsmessage.CNAMEResource:
		return nameString(b.CNAME)
	case *dnsmessage.NSResource:
		return nameString(b.NS)
	case *dnsmessage.PTRResource:
		return nameString(b.PTR)
	case *dnsmessage.MXResource:
		return fmt.Sprint(b.Pref, " ", nameString(b.MX))
	case *dnsmessage.SRVResource:
		return fmt.Sprintf("%d %d %d %s", b.Priority, b.Weight, b.Port, nameString(b.Target))
	case *dnsmessage.SOAResource:
		return fmt.Sprint(nameString(b.NS), " ", nameString(b.MBox), " ", b.Serial, b.Refresh, b.Retry, b.Expire, b.MinTTL)
	case *dnsmessage.TXTResource:
		return strings.Join(b.TXT, "")
	}
	alone := &message{} // behind the header stand the owner, in one octet, and 10 octets more
	alone.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: rootName}, Body: body}}
	rdata := alone.pack(maxMessage)[headerLen+1+10:]
	return strings.TrimRight(fmt.Sprintf(`\# %d %x`, len(rdata), rdata), " ")
}
