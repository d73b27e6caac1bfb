package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"syscall"
	"time"

	"github.com/fwdtools/fwd/internal/capture"
	"github.com/fwdtools/fwd/internal/claim"
	"github.com/fwdtools/fwd/internal/nft"
	"github.com/fwdtools/fwd/internal/sockets"
	"github.com/fwdtools/fwd/internal/tap"
	"github.com/fwdtools/fwd/pkg/wire"
)

// pod is how a port is stolen in this network namespace.
func pod(set wire.Settings) capture.Pod {
	return capture.Pod{
		Take: func(port uint16) (capture.Claim, error) {
			c, err := claim.Take(port, claim.Holder{Who: set.Who, Since: time.Now(), Filtered: set.Filter != nil})
			if err != nil {
				return nil, err // and no claim, rather than a nil *claim.Claim
			}
			return c, nil
		},
		Redirect: func(port, to uint16, order int) (capture.Redirect, error) {
			r, err := nft.New(nft.Config{Port: port, To: to, Order: order})
			if err != nil {
				return nil, needs("stealing", "NET_ADMIN", err)
			}
			return r, nil
		},
		Control: func(order int) func(network, address string, c syscall.RawConn) error {
			return nft.Control(nft.Mark(order))
		},
		OriginalDst:      sockets.OriginalDst,
		Listening:        sockets.Listening,
		ResetEstablished: sockets.ResetEstablished,
	}
}

// openTap is how a port is mirrored in this network namespace.
func openTap(port uint16, begin func(caller, local netip.AddrPort) capture.Sink) (capture.Tap, error) {
	t, err := tap.Open(tap.Config{Port: port, New: func(f tap.Flow) tap.Sink { return begin(f.Caller, f.Local) }})
	if err != nil {
		return nil, needs("mirroring", "NET_RAW", err)
	}
	return tapped{t}, nil
}

// tapped is a tap with the numbers that are not counted elsewhere.
type tapped struct{ *tap.Tap }

func (t tapped) Dropped() uint64 { return t.Stats().Dropped }

func (t tapped) Orphans() uint64 { return t.Stats().Orphans }

// needs says which capability would have helped.
func needs(what, capability string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s needs the capability %s, which this agent does not have: %w", what, capability, err)
	}
	return err
}

// heldBy says who has a port, if that is what is wrong.
func heldBy(err error) (string, bool) {
	var held *claim.HeldError
	if errors.As(err, &held) {
		return held.Error(), true
	}
	return "", false
}

// control keeps what the client dials out of the reach of captures, where this
// process may: a port that is stolen is still reached as it is in the pod.
func control(network, address string, c syscall.RawConn) error {
	nft.Control(nft.Mark(nft.Own))(network, address, c)
	return nil
}
