package httpsplit

import (
	"bufio"
	"io"

	"github.com/fwdtools/fwd/internal/http2split"
	"github.com/fwdtools/fwd/internal/httpfilter"
)

// Pick copies the requests that match out of a mirrored caller's bytes to the
// connection that open gives, which is called at the first of them. matched is
// called for each. It ends, without an error, at the caller's end and at what
// it cannot read as HTTP; after a request that may have become something else
// it copies everything, or nothing more.
func Pick(src io.Reader, filter *httpfilter.Filter, open func() (io.ReadWriteCloser, error), matched func()) error {
	br := bufio.NewReaderSize(src, 4<<10)
	var dst io.ReadWriteCloser
	defer func() {
		if dst != nil {
			dst.Close()
		}
	}()
	for first := true; ; first = false {
		if first {
			if b, err := br.Peek(len(preface)); err == nil && string(b) == preface {
				return http2split.Pick(br, filter, open, matched)
			}
		}
		raw, err := readHead(br)
		if err != nil {
			return pickError(err)
		}
		r, err := parseRequest(raw)
		if err != nil {
			return nil
		}
		meant := filter.Match(&httpfilter.Request{Method: r.method, Path: r.path, Fields: r.fields})
		if meant && dst == nil {
			if dst, err = open(); err != nil {
				return err
			}
		}
		out := io.Discard
		if meant {
			matched()
			out = dst
		}
		if _, err := out.Write(raw); err != nil {
			return err
		}
		switch {
		case r.tunnels() && meant:
			_, err := io.Copy(out, br)
			return err
		case r.tunnels():
			return nil
		case r.framed:
			if err := copyBody(out, br, r.head); err != nil {
				return pickError(err)
			}
		}
	}
}

// pickError leaves out what is only the end of what can be read.
func pickError(err error) error {
	if callerEnded(err) || err == errStrange || err == errTooLong {
		return nil
	}
	return err
}
