//go:build !linux && !darwin

package link

import "net"

func boundUnsent(net.Conn) {}
