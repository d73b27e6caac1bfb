//go:build linux

package tap

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
)

// peers asks the kernel who has a TCP connection to this network namespace.
// The files stay open, which keeps them those of the namespace: the thread that
// reads them may be in another one.
type peers struct{ files []*os.File }

func openPeers() (*peers, error) {
	p := &peers{}
	for _, name := range []string{"/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"} {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // no IPv6, or no /proc
		}
		if err != nil {
			p.close()
			return nil, err
		}
		p.files = append(p.files, f)
	}
	return p, nil
}

// list returns the far ends of all connections. Which port of ours they are to
// is not asked: a redirect may have made it another one. Without /proc the error
// is errors.ErrUnsupported, and nobody knows.
func (p *peers) list() (map[netip.AddrPort]bool, error) {
	if len(p.files) == 0 {
		return nil, errors.ErrUnsupported
	}
	all := make(map[netip.AddrPort]bool)
	for _, f := range p.files {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		b, err := io.ReadAll(f)
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(b) {
			if peer, ok := parsePeer(line); ok {
				all[peer] = true
			}
		}
	}
	return all, nil
}

// States of a socket that has no connection (net/tcp_states.h).
const (
	stateTimeWait = "06"
	stateClose    = "07"
	stateListen   = "0A"
)

// parsePeer reads "sl local_address rem_address st …" (proc(5)).
func parsePeer(line []byte) (netip.AddrPort, bool) {
	fields := bytes.Fields(line)
	if len(fields) < 4 {
		return netip.AddrPort{}, false
	}
	switch string(fields[3]) {
	case stateTimeWait, stateClose, stateListen:
		return netip.AddrPort{}, false
	}
	host, port, _ := bytes.Cut(fields[2], []byte(":"))
	n, err := strconv.ParseUint(string(port), 16, 16)
	if err != nil || hex.DecodedLen(len(host)) > 16 {
		return netip.AddrPort{}, false
	}
	var b [16]byte
	size, err := hex.Decode(b[:], host)
	if err != nil || size != 4 && size != 16 {
		return netip.AddrPort{}, false
	}
	// Words of 32 bits, in the byte order of the machine.
	for i := 0; i < size; i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	addr, _ := netip.AddrFromSlice(b[:size])
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), true
}

func (p *peers) close() {
	for _, f := range p.files {
		f.Close()
	}
}
