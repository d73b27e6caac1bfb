// Package http2split divides the streams of one caller's HTTP/2 connection
// between the app and the client, by request (RFC 9113).
//
// It is a proxy of frames, not of requests: reset codes, trailers, interim
// answers, half-close, extended CONNECT and frames that it does not know pass
// as they are. It neither accepts nor dials, and it does no TLS.
//
// The app's hop is transparent. What the caller sends goes to the app byte for
// byte until the first stream matches: its settings, acknowledgements, pings
// and window updates too, so caller and app negotiate with each other. Fields
// are decoded in passing, because a decision needs them and because HPACK has
// memory. From the first match on the app's decoder has not seen what the
// caller's encoder has said, so its field blocks are encoded anew; all else
// still goes as it came. Answers become encoded anew with the first answer of
// the client. Flow control stays between caller and app, except that the caller
// does not know which stream goes where: it spends the connection's window on
// the client's streams, too, and is given that back from here.
//
// A caller's pings are answered here once a stream has matched: gRPC callers
// measure with a ping whenever data comes, and gRPC servers end the connection
// of a caller who pings while they send nothing.
//
// The client's hop is terminated: it has settings, windows and pings of its own.
// Each of its streams has a bounded buffer in each direction, and the sender is
// given credit when the receiver has taken it, so a client that is slow, or
// stopped in a debugger, stalls its own streams and no others. What the app and
// the client send shares the caller's connection window; when that is used up
// streams take turns.
//
// Neither the app nor the caller can tell from an error of the client's
// connection that there is one: only its streams are reset.
//
// The frame codec is our own: x/net/http2 would bring net/http and TLS into the
// agent, and its Framer cannot pass a frame on as it came.
package http2split
