package route

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Remote is a route from a port of the pod to an address of this machine, as
// -R names it.
type Remote struct {
	Port uint16
	To   Address // zero: what ParseListen was not told
}

// Address is where this machine connects to, for net.Dial.
type Address struct {
	Network string // "tcp" or "unix"
	Address string
}

// IsZero tells whether a names nothing.
func (a Address) IsZero() bool { return a == Address{} }

func (a Address) String() string {
	if a.Network == "unix" {
		return "unix:" + a.Address
	}
	return a.Address
}

// String is the route as -R takes it, with nothing left out.
func (r Remote) String() string {
	port := strconv.Itoa(int(r.Port))
	if r.To.IsZero() {
		return port
	}
	return port + ":" + r.To.String()
}

// ParseRemote reads [remote:]local of -R: remote is a port of the pod, local
// is port, host:port or unix:/path on this machine. One port means both.
// Without host it is loopback; addresses of IPv6 stand in brackets.
func ParseRemote(arg string) (Remote, error) {
	r, err := parseRemote(arg, "[remote:]port, remote:host:port or remote:unix:/path")
	if err != nil {
		return Remote{}, fmt.Errorf("-R %s: %w", quote(arg), err)
	}
	if r.To.IsZero() {
		r.To = Address{"tcp", net.JoinHostPort(loopback, strconv.Itoa(int(r.Port)))}
	}
	return r, nil
}

// ParseListen reads an argument of fwd-listen: it is that of -R, but a port
// alone is just that, and goes where the command line says.
func ParseListen(arg string) (Remote, error) {
	r, err := parseRemote(arg, "port, port:localport, port:host:localport or port:unix:/path")
	if err != nil {
		return Remote{}, fmt.Errorf("port %s: %w", quote(arg), err)
	}
	return r, nil
}

func parseRemote(arg, form string) (Remote, error) {
	port, local, more := strings.Cut(arg, ":")
	if arg == "" {
		return Remote{}, errors.New("is empty")
	}
	remote, err := parsePort(port, 1)
	if err != nil {
		return Remote{}, fmt.Errorf("remote port: %w", err)
	}
	r := Remote{Port: uint16(remote)}
	if !more {
		return r, nil
	}
	if path, is := strings.CutPrefix(local, "unix:"); is {
		r.To = Address{"unix", path}
		return r, checkPath(path)
	}
	r.To.Network = "tcp"
	r.To.Address, err = parseDestination(local, form)
	return r, err
}

// parseDestination reads [host:]port.
func parseDestination(s, form string) (string, error) {
	if s == "" {
		return "", errors.New("local port: is empty")
	}
	parts, err := split(s)
	if err != nil {
		return "", err
	}
	n := len(parts)
	if n > 2 {
		return "", errors.New("want " + form)
	}
	host := loopback
	if n == 2 {
		host = parts[0]
	}
	if err := checkHost(host); err != nil {
		return "", fmt.Errorf("local host: %w", err)
	}
	port, err := parsePort(parts[n-1], 1)
	if err != nil {
		return "", fmt.Errorf("local port: %w", err)
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// maxPath is what a socket's address has room for on Linux; elsewhere it is
// a little less.
const maxPath = 107

// checkPath refuses what may be meant as a host called unix, too.
func checkPath(path string) error {
	switch {
	case path == "":
		return errors.New("local path: is empty")
	case len(path) > maxPath:
		return fmt.Errorf("local path: is over %d bytes", maxPath)
	case strings.ContainsRune(path, 0):
		return errors.New("local path: has a zero byte")
	case !strings.Contains(path, "/") && path[0] != '@':
		return fmt.Errorf("local path: %q has no slash; a file of this directory is ./%s", path, path)
	}
	return nil
}

// DistinctRemote refuses two routes from one port.
func DistinctRemote(routes []Remote) error {
	seen := make(map[uint16]Remote)
	for _, r := range routes {
		if other, twice := seen[r.Port]; twice {
			return fmt.Errorf("port %d of the target has two routes: %s and %s", r.Port, quote(other.String()), quote(r.String()))
		}
		seen[r.Port] = r
	}
	return nil
}
