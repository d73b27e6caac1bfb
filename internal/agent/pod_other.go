//go:build !linux

package agent

import (
	"errors"
	"net/netip"
	"syscall"

	"github.com/fwdtools/fwd/internal/capture"
	"github.com/fwdtools/fwd/pkg/wire"
)

// pod is nothing that can be stolen from: agents run on Linux.
func pod(wire.Settings) capture.Pod {
	return capture.Pod{Take: func(uint16) (capture.Claim, error) { return nil, errors.ErrUnsupported }}
}

func openTap(uint16, func(caller, local netip.AddrPort) capture.Sink) (capture.Tap, error) {
	return nil, errors.ErrUnsupported
}

func heldBy(error) (string, bool) { return "", false }

func control(string, string, syscall.RawConn) error { return nil }
