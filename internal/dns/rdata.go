package dns

import "golang.org/x/net/dns/dnsmessage"

// rdataLayout tells where names stand in the RDATA of the types that may hold
// compressed ones: a digit skips that many octets, s a character string, n is a
// name. What follows is opaque, and so is all RDATA of every other type: RFC
// 3597 section 4 forbids compression there, and lists the types of old in which
// a receiver has to expect it.
var rdataLayout = map[dnsmessage.Type]string{
	2: "n", 3: "n", 4: "n", 5: "n", 7: "n", 8: "n", 9: "n", 12: "n", // NS MD MF CNAME MB MG MR PTR
	6:  "nn",                                                    // SOA
	14: "nn",                                                    // MINFO
	15: "2n",                                                    // MX
	17: "nn",                                                    // RP
	18: "2n", 21: "2n", 24: "99n", 26: "2nn", 30: "n", 33: "6n", // AFSDB RT SIG PX NXT SRV
	35: "4sssn", 36: "2n", 39: "n", // NAPTR KX DNAME
}

// mayCompress reports whether names in the RDATA of t may be sent compressed:
// only in the types of RFC 1035 itself.
func mayCompress(t dnsmessage.Type) bool { return t <= 15 }

// expandRData returns the RDATA at msg[off:end] with its names uncompressed.
func expandRData(t dnsmessage.Type, msg []byte, off, end int) (string, error) {
	var out []byte
	for _, op := range rdataLayout[t] {
		skip := 0
		switch op {
		case 'n':
			n, next, err := parseName(msg[:end], off)
			if err != nil {
				return "", err
			}
			out, off = append(out, n...), next
			continue
		case 's':
			if off >= end {
				return "", errMalformed
			}
			skip = 1 + int(msg[off])
		default:
			skip = int(op - '0')
		}
		if off+skip > end {
			return "", errMalformed
		}
		out, off = append(out, msg[off:off+skip]...), off+skip
	}
	out = append(out, msg[off:end]...)
	if len(out) > maxMessage {
		return "", errMalformed
	}
	return string(out), nil
}

// appendRData appends RDATA as expandRData gave it, names compressed where that
// is allowed.
func (c *compressor) appendRData(b []byte, t dnsmessage.Type, data string) []byte {
	if !mayCompress(t) {
		return append(b, data...)
	}
	off, raw := 0, []byte(data)
	for _, op := range rdataLayout[t] {
		if op != 'n' {
			skip := min(int(op-'0'), len(raw)-off)
			b, off = append(b, raw[off:off+skip]...), off+skip
			continue
		}
		n, next, err := parseName(raw, off)
		if err != nil {
			break // made by us and not RDATA of t: send it as it is
		}
		b, off = c.appendName(b, n), next
	}
	return append(b, raw[off:]...)
}

// A compressor remembers where in a message names stand (RFC 1035 section
// 4.1.4). It matches octet by octet, so that the case of names survives.
type compressor struct {
	at map[wireName]int
}

// appendName appends n to b, which must begin with the message's header.
func (c *compressor) appendName(b []byte, n wireName) []byte {
	for n != rootName {
		if off, ok := c.at[n]; ok {
			return append(b, 0xc0|byte(off>>8), byte(off))
		}
		if len(b) < 1<<14 {
			c.at[n] = len(b)
		}
		size := 1 + int(n[0])
		b, n = append(b, n[:size]...), n[size:]
	}
	return append(b, 0)
}

// undo forgets names at or behind off, after the message was cut there.
func (c *compressor) undo(off int) {
	for n, at := range c.at {
		if at >= off {
			delete(c.at, n)
		}
	}
}
