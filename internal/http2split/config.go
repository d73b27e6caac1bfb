package http2split

import (
	"net/netip"

	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/internal/relay"
)

// Config says which streams go where.
type Config struct {
	// Filter chooses the client's streams. nil: all, and the whole connection
	// is the client's.
	Filter *httpfilter.Filter
	// App opens the connection to the app. It is called at most once.
	App func() (relay.Conn, error)
	// Client opens a connection to the client: at the first stream that matches,
	// and again when the one before takes no more.
	Client func() (relay.Conn, error)
	// Forwarded is what matching requests say about the caller, or nil.
	Forwarded *Forwarded
	// Fallback gives a stream to the app if Client fails.
	Fallback bool
	// Drain is closed when nothing is to be matched any more: the caller is asked
	// to go, and what is under way is finished.
	Drain <-chan struct{}
	// Matched is called for each request that matches, if it is not nil.
	Matched func()
}

// Forwarded is for whom a request comes (RFC 7239).
type Forwarded struct {
	Caller, Local netip.AddrPort
}

// Bounds on what peers can make us keep.
const (
	maxFieldBlock = 256 << 10 // of one field block, encoded and decoded
	maxTable      = 64 << 10  // of an HPACK table that a peer may fill
	maxStreams    = 10_000    // at once
	maxSettings   = 100       // that the app has not acknowledged
	maxQueue      = 256 << 10 // bytes to the caller or the app before a reader waits
	maxControl    = 1 << 20   // bytes to the client that wait although windows allow them
	maxAppWindow  = 16 << 20  // of the app's connection window as the caller knows it
	maxHeld       = 32 << 20  // for clients, of one caller; and for the caller, of one client
	maxItems      = 1000      // pieces of an answer that wait for the caller
	streamWindow  = 1 << 20   // of one of the client's streams
	maxUnknown    = 100       // streams at once for a client whose limit is not known yet
)
