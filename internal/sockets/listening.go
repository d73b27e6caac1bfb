//go:build linux

package sockets

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Listening tells whether anything listens on the TCP port, at any address of
// either family. It takes no privilege.
func Listening(port uint16) (bool, error) {
	for _, table := range []string{"tcp", "tcp6"} {
		f, err := os.Open("/proc/thread-self/net/" + table)
		if errors.Is(err, fs.ErrNotExist) && table == "tcp6" { // a kernel without IPv6
			continue
		}
		if err != nil {
			return false, err
		}
		found, err := listens(f, port)
		f.Close()
		if err != nil {
			return false, fmt.Errorf("read %s: %w", f.Name(), err)
		}
		if found {
			return true, nil
		}
	}
	return false, nil
}

// listens looks for a listener on port in a table as in /proc/net/tcp: a line
// of headings, then per socket its number, local address, remote address and
// state, and more, in hexadecimal. The kernel lists listeners first.
func listens(table io.Reader, port uint16) (bool, error) {
	const listen = "0A"
	lines := bufio.NewScanner(table)
	lines.Scan()
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 4 {
			return false, fmt.Errorf("a line has %d fields", len(f))
		}
		if f[3] != listen {
			continue
		}
		_, hex, _ := strings.Cut(f[1], ":")
		p, err := strconv.ParseUint(hex, 16, 16)
		if err != nil {
			return false, err
		}
		if uint16(p) == port {
			return true, nil
		}
	}
	return false, lines.Err()
}
