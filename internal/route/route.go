// Package route reads what people type to name a way for connections: -L of
// ssh, and host:port. It opens nothing.
package route

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Local is a route from a local port to a remote address, as -L names it.
type Local struct {
	Bind   string // address to listen on; "" means all
	Port   int    // local port; 0 lets the kernel choose
	Remote string // host:port, for the pod to resolve
}

// String is the route as -L takes it, with nothing left out.
func (l Local) String() string { return l.Listen() + ":" + l.Remote }

// Listen is the address to listen on, for net.Listen.
func (l Local) Listen() string { return net.JoinHostPort(l.Bind, strconv.Itoa(l.Port)) }

// loopback is where routes listen that do not say otherwise.
const loopback = "127.0.0.1"

// ParseLocal reads [bind:][port:]host:port. Addresses of IPv6 stand in
// brackets. Without port, the remote port is used; with port 0 the kernel
// chooses. Without bind it is loopback only, and * means all addresses. A bind
// address needs a port, else host:port:port could be read in two ways.
func ParseLocal(arg string) (Local, error) {
	l, err := parseLocal(arg)
	if err != nil {
		return Local{}, fmt.Errorf("-L %s: %w", quote(arg), err)
	}
	return l, nil
}

func parseLocal(arg string) (Local, error) {
	parts, err := split(arg)
	if err != nil {
		return Local{}, err
	}
	n := len(parts)
	if n < 2 || n > 4 {
		return Local{}, errors.New("want [bind:][port:]host:port")
	}
	remotePort, err := parsePort(parts[n-1], 1)
	if err != nil {
		return Local{}, fmt.Errorf("remote port: %w", err)
	}
	host := parts[n-2]
	if err := checkHost(host); err != nil {
		return Local{}, fmt.Errorf("remote host: %w", err)
	}
	l := Local{Bind: loopback, Port: remotePort, Remote: net.JoinHostPort(host, strconv.Itoa(remotePort))}
	if n >= 3 {
		if l.Port, err = parsePort(parts[n-3], 0); err != nil {
			return Local{}, fmt.Errorf("local port: %w", err)
		}
	}
	if n == 4 {
		if l.Bind, err = parseBind(parts[0]); err != nil {
			return Local{}, fmt.Errorf("bind address: %w", err)
		}
	}
	return l, nil
}

// ParseHostPort reads host:port and returns it in the form of
// net.JoinHostPort. An IPv6 address may stand without brackets, as in the %h:%p
// of ssh: the last colon is the port's.
func ParseHostPort(arg string) (string, error) {
	host, port, err := splitHostPort(arg)
	if err == nil {
		err = checkHost(host)
	}
	var n int
	if err == nil {
		if n, err = parsePort(port, 1); err != nil {
			err = fmt.Errorf("port: %w", err)
		}
	}
	if err != nil {
		return "", fmt.Errorf("address %s: %w", quote(arg), err)
	}
	return net.JoinHostPort(host, strconv.Itoa(n)), nil
}

func splitHostPort(arg string) (host, port string, err error) {
	if i := strings.LastIndexByte(arg, ':'); i > 0 && !strings.HasPrefix(arg, "[") {
		if ip, err := netip.ParseAddr(arg[:i]); err == nil && ip.Is6() {
			return arg[:i], arg[i+1:], nil
		}
	}
	parts, err := split(arg)
	if err != nil {
		return "", "", err
	}
	if len(parts) != 2 {
		return "", "", errors.New("want host:port")
	}
	return parts[0], parts[1], nil
}

// Distinct refuses two routes that would listen on one address.
func Distinct(routes []Local) error {
	seen := make(map[string]bool)
	for _, l := range routes {
		if l.Port != 0 && seen[l.Listen()] {
			return fmt.Errorf("-L %s: %s is listened on already by another -L", quote(l.String()), l.Listen())
		}
		seen[l.Listen()] = true
	}
	return nil
}

// split splits at colons outside brackets and takes the brackets off.
func split(arg string) ([]string, error) {
	if arg == "" {
		return nil, errors.New("is empty")
	}
	var parts []string
	for rest, more := arg, true; more; {
		var part string
		if strings.HasPrefix(rest, "[") {
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return nil, errors.New("a bracket is not closed")
			}
			part, rest = rest[1:end], rest[end+1:]
			if ip, err := netip.ParseAddr(part); err != nil || !ip.Is6() {
				return nil, fmt.Errorf("%q in brackets is no IPv6 address", part)
			}
			if rest != "" && rest[0] != ':' {
				return nil, fmt.Errorf("%q follows a bracket", rest)
			}
			more = rest != ""
			rest = strings.TrimPrefix(rest, ":")
		} else {
			part, rest, more = strings.Cut(rest, ":")
		}
		parts = append(parts, part)
	}
	return parts, nil
}

func parsePort(s string, least int) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s is over 65535", s)
	case err != nil:
		return 0, fmt.Errorf("%s is not a number", quote(s))
	case int(n) < least:
		return 0, errors.New("0 is no port to connect to")
	}
	return int(n), nil
}

// checkHost refuses what can be no name and no address. The rest is for the
// pod's resolver to judge.
func checkHost(host string) error {
	switch {
	case host == "":
		return errors.New("is empty")
	case len(host) > 253:
		return errors.New("is over 253 characters")
	case strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`/\"'@*`, r) }):
		return fmt.Errorf("%q is no name and no address", host)
	}
	return nil
}

func parseBind(s string) (string, error) {
	switch s {
	case "*":
		return "", nil
	case "":
		return "", errors.New("is empty; * means all addresses")
	}
	return s, checkHost(s)
}

func quote(s string) string { return strconv.Quote(s) }
