// Package dns carries name resolution from a pod to a laptop. In the pod a
// [Resolver] answers DNS queries as the pod's own stub resolver would, with its
// hosts file, search domains and options. [ServeStream] and [Client] move
// queries and answers over one ordered byte stream. On the laptop [Lookup] turns
// a name into printable records and [Server] is a local DNS server in front of
// the same resolver.
//
// It does not cache, does not recurse, does not validate DNSSEC and does not
// log. It knows nothing of sessions: any net.Conn serves as a stream.
//
// Messages are taken apart and made by golang.org/x/net/dns/dnsmessage, which has
// no form for a label with a dot in it, such as the SOA mailbox
// john\.doe.example.com. An answer that only has to be passed on therefore stays
// as it came, octet by octet. One that must be changed (another owner for a
// name that was searched for, or too long for UDP) loses the records that
// dnsmessage cannot hold, and has TC set to say so. A question for such a name is
// refused: ErrBadName here, FORMERR by the [Server].
package dns

import "context"

// An ExchangeFunc answers one DNS query message with one response message, both
// without the length prefix of DNS over TCP. It must be safe for concurrent use,
// must not keep query after it returns, and the caller owns the response. An
// error means that there is no answer; a response code is an answer.
type ExchangeFunc func(ctx context.Context, query []byte) ([]byte, error)

// Limits. Everything that a peer can make grow is bounded by one of these.
const (
	maxMessage  = 65535   // octets of one message, RFC 1035 section 4.2.2
	maxInFlight = 256     // queries at once per stream, per Client and per Server
	maxConns    = 256     // TCP connections at once per Server
	maxFile     = 4 << 20 // octets read of resolv.conf or hosts
	maxEDEText  = 200     // octets of text in an extended DNS error
	maxChain    = 16      // CNAMEs followed within one answer

	minUDP       = 512  // UDP payload without EDNS, RFC 1035 section 4.2.1
	advertiseUDP = 1232 // UDP payload we ask servers for, as on the DNS flag day of 2020
	maxUDP       = 4096 // UDP payload we send at most, whatever a client offers
)
