package session

import "io"

var _ io.WriterTo = (*Stream)(nil)

// WriteTo implements io.WriterTo: it writes what is received to w until the
// end of data, without a buffer of its own while there is nothing to write.
// Bytes count as consumed when w has taken them, so that the peer's flow
// control reaches to w. The error is w's, or what Read would return.
func (st *Stream) WriteTo(w io.Writer) (total int64, err error) {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	for {
		if st.rbuf.n == 0 {
			if _, err := st.read(nil); err == io.EOF {
				return total, nil
			} else if err != nil {
				return total, st.opError("read", err)
			}
			st.rcond.Wait()
			continue
		}
		n, err := st.writePiece(w)
		total += n
		if err != nil {
			return total, err
		}
	}
}

// writePiece writes the first piece of what is received to w. Called with mu
// held, which it gives up meanwhile.
func (st *Stream) writePiece(w io.Writer) (int64, error) {
	s := st.s
	piece, off := st.rbuf.take()
	size := len(piece) - off
	st.taken += size
	s.mu.Unlock()
	n, err := w.Write(piece[off:])
	s.mu.Lock()
	freePiece(piece)
	st.taken -= size
	s.held -= size
	st.consume(size)
	st.settle()
	return int64(n), err
}
