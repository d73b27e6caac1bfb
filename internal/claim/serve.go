//go:build linux

package claim

import (
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"time"
)

const (
	// answerTime is how long somebody may take to ask.
	answerTime = 500 * time.Millisecond
	// maxAsking is how many may be asking at once; others are not answered.
	maxAsking = 256
	// soon is how long after a connection has reached who asks about it the one
	// who opened it may take to say Passed.
	soon = 50 * time.Millisecond
)

// serve answers who connects to ln until Close.
func (c *Claim) serve(ln net.Listener) {
	c.wg.Go(func() {
		asking := make(chan struct{}, maxAsking)
		for {
			conn, err := ln.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // for want of descriptors or memory: the claim is no less of one
				select {
				case <-time.After(pause):
				case <-c.donec:
				}
				continue
			}
			select {
			case asking <- struct{}{}:
			default:
				conn.Close()
				continue
			}
			c.wg.Go(func() {
				defer func() { <-asking }()
				defer conn.Close()
				c.answer(conn)
			})
		}
	})
}

// answer answers one question.
func (c *Claim) answer(conn net.Conn) {
	conn.SetDeadline(time.Now().Add(answerTime))
	endc := make(chan struct{})
	defer close(endc)
	c.wg.Go(func() {
		select {
		case <-c.donec:
			conn.SetDeadline(time.Now())
		case <-endc:
		}
	})
	var q question
	if read(conn, &q) != nil {
		return
	}
	if q.Behind == nil {
		json.NewEncoder(conn).Encode(state{c.holder, c.yielded.Load()})
		return
	}
	var a answer
	if caller, ok := c.find(*q.Behind); ok {
		a.Caller = &caller
	}
	json.NewEncoder(conn).Encode(a)
}

// find finds for whom the socket with the address local was opened. Who it was
// opened to may ask before Passed was called.
func (c *Claim) find(local netip.AddrPort) (netip.AddrPort, bool) {
	late := time.NewTimer(soon)
	defer late.Stop()
	for {
		c.mu.Lock()
		p, ok := c.passed[local]
		newc := c.newc
		c.mu.Unlock()
		if ok {
			return p.caller, true
		}
		select {
		case <-newc:
		case <-late.C:
			return netip.AddrPort{}, false
		case <-c.donec:
			return netip.AddrPort{}, false
		}
	}
}
