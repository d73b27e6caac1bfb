package httpsplit

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/fwdtools/fwd/internal/httpfilter"
)

// maxHead is the longest head that is looked into.
const maxHead = 64 << 10

var (
	// errStrange is a head that is not read as HTTP.
	errStrange = errors.New("not HTTP as it is divided here")
	errTooLong = errors.New("a head is too long")
)

// readHead reads up to and with the first empty line. What it has read it
// returns, also with an error.
func readHead(br *bufio.Reader) ([]byte, error) {
	var head []byte
	for {
		line, err := br.ReadSlice('\n')
		head = append(head, line...)
		switch {
		case err == bufio.ErrBufferFull && len(head) <= maxHead:
			continue
		case err != nil && err != bufio.ErrBufferFull:
			return head, err
		case len(head) > maxHead:
			return head, errTooLong
		case !bytes.HasSuffix(head, []byte("\r\n")):
			return head, errStrange
		case bytes.HasSuffix(head, []byte("\r\n\r\n")):
			return head, nil
		case len(head) == 2: // an empty line before the first
			return head, errStrange
		}
	}
}

// head is what a head says about the message that it begins.
type head struct {
	first   string // its first line
	fields  []httpfilter.Field
	length  int64 // of the body; -1 for chunks, unknown without any field
	framed  bool  // a field says how long the body is
	upgrade bool  // it may be about another protocol than HTTP
	closes  bool  // Connection: close
	keeps   bool  // Connection: keep-alive
}

// parseHead reads a head strictly (RFC 9112 2 to 6).
func parseHead(raw []byte) (head, error) {
	lines := strings.Split(strings.TrimSuffix(string(raw), "\r\n\r\n"), "\r\n")
	h := head{first: lines[0]}
	lengths := 0
	for _, line := range lines[1:] {
		name, value, found := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if !found || !isToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			return h, errStrange
		}
		h.fields = append(h.fields, httpfilter.Field{Name: name, Value: value})
		switch strings.ToLower(name) {
		case "content-length":
			n, err := strconv.ParseUint(value, 10, 63)
			if err != nil || strings.Trim(value, "0123456789") != "" {
				return h, errStrange
			}
			h.length = int64(n)
			lengths++
		case "transfer-encoding":
			if !strings.EqualFold(value, "chunked") {
				return h, errStrange
			}
			h.length = -1
			lengths++
		case "upgrade":
			h.upgrade = true // some do not look for it in Connection
		case "connection":
			for token := range strings.SplitSeq(strings.ToLower(value), ",") {
				switch strings.TrimSpace(token) {
				case "close":
					h.closes = true
				case "keep-alive":
					h.keeps = true
				case "upgrade":
					h.upgrade = true
				}
			}
		}
	}
	if lengths > 1 {
		return h, errStrange
	}
	h.framed = lengths == 1
	return h, nil
}

// isToken tells that s is a token of RFC 9110 5.6.2.
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// request is the head of a request.
type request struct {
	head
	method, path string // path and query, whatever the form of the target
	old          bool   // HTTP/1.0
	raw          []byte
}

func parseRequest(raw []byte) (*request, error) {
	if k, _ := classify(raw); k != http1 {
		return nil, errStrange
	}
	h, err := parseHead(raw)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(h.first, " ")
	r := &request{head: h, method: parts[0], path: pathAndQuery(parts[1]), old: parts[2] == "HTTP/1.0", raw: raw}
	if r.old && r.length < 0 { // chunks are unknown to it; RFC 9112 6.1
		return nil, errStrange
	}
	return r, nil
}

// pathAndQuery is what a path filter looks at. A target in absolute form, which
// servers accept, too (RFC 9112 3.2.2), must not get past one.
func pathAndQuery(target string) string {
	_, rest, absolute := strings.Cut(target, "://")
	if !absolute || strings.HasPrefix(target, "/") {
		return target
	}
	i := strings.IndexAny(rest, "/?")
	switch {
	case i < 0:
		return "/"
	case rest[i] == '?':
		return "/" + rest[i:]
	}
	return rest[i:]
}

// last tells that the caller asks for no more on its connection.
func (r *request) last() bool { return r.closes || r.old && !r.keeps }

// tunnels tells that what follows an answer may be no HTTP.
func (r *request) tunnels() bool { return r.upgrade || r.method == "CONNECT" }

// response is the head of an answer.
type response struct {
	head
	status int
	old    bool // HTTP/1.0
}

func parseResponse(raw []byte) (*response, error) {
	h, err := parseHead(raw)
	if err != nil {
		return nil, err
	}
	version, rest, _ := strings.Cut(h.first, " ")
	digits, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(digits)
	if err != nil || version != "HTTP/1.1" && version != "HTTP/1.0" || status < 100 || status > 999 {
		return nil, errStrange
	}
	r := &response{head: h, status: status, old: version == "HTTP/1.0"}
	if r.old && r.length < 0 {
		return nil, errStrange
	}
	return r, nil
}

// bodiless tells that an answer to method has no body whatever its fields say
// (RFC 9112 6.3).
func (r *response) bodiless(method string) bool {
	return method == "HEAD" || r.status < 200 || r.status == 204 || r.status == 304
}

// last tells that the connection ends with this answer.
func (r *response) last(method string) bool {
	return r.closes || r.old && !r.keeps || !r.framed && !r.bodiless(method)
}

// copyBody copies a body as h says it is framed, byte for byte. If it turns out
// to be framed in another way the error is errStrange, and all that was read is
// copied.
func copyBody(dst io.Writer, br *bufio.Reader, h head) error {
	if h.length >= 0 {
		_, err := io.CopyN(dst, br, h.length)
		return unexpected(err)
	}
	for {
		size, err := copyChunkLine(dst, br)
		if err != nil {
			return unexpected(err)
		}
		if size == 0 {
			return unexpected(copyTrailers(dst, br))
		}
		if _, err := io.CopyN(dst, br, size); err != nil {
			return unexpected(err)
		}
		if line, err := copyLine(dst, br); err != nil {
			return unexpected(err)
		} else if len(line) != 2 {
			return errStrange
		}
	}
}

// copyLine copies a line and returns it. One that is none is copied as far as
// it was read.
func copyLine(dst io.Writer, br *bufio.Reader) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	if _, werr := dst.Write(line); werr != nil {
		return nil, werr
	}
	switch {
	case err == bufio.ErrBufferFull:
		return nil, errStrange
	case err != nil:
		return nil, err
	case !bytes.HasSuffix(line, []byte("\r\n")), bytes.IndexByte(line, '\r') < len(line)-2: // some end a line at any
		return nil, errStrange
	}
	return line, nil
}

// copyChunkLine copies the line before a chunk and returns the chunk's size.
func copyChunkLine(dst io.Writer, br *bufio.Reader) (int64, error) {
	line, err := copyLine(dst, br)
	if err != nil {
		return 0, err
	}
	digits, _, _ := strings.Cut(string(line), ";")
	size, err := strconv.ParseUint(strings.TrimRight(digits, " \t\r\n"), 16, 63)
	if err != nil {
		return 0, errStrange
	}
	return int64(size), nil
}

// copyTrailers copies what follows the last chunk.
func copyTrailers(dst io.Writer, br *bufio.Reader) error {
	for n := 0; ; {
		line, err := copyLine(dst, br)
		if err != nil {
			return err
		}
		n += len(line)
		switch {
		case n > maxHead:
			return errStrange
		case len(line) == 2:
			return nil
		}
	}
}

// unexpected is an end of data where there had to be more.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
