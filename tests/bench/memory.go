package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// idle is an item of streams that have heard a byte each and are silent then.
func idle(name, title string, streams int) item {
	run := func(ctx context.Context, b *bench, p path) (numbers, error) {
		if streams > p.streams {
			return nil, nil
		}
		return b.hold(ctx, p, echo, streams, func(held *holding) error {
			if err := wait(ctx, 2*time.Second); err != nil {
				return err
			}
			held.sample()
			return nil
		})
	}
	return item{name: name, title: title, stage: apart, section: memSection, run: run, deadline: 2 * late, shown: memory}
}

// active takes the most memory while many streams receive as fast as they can.
func active(ctx context.Context, b *bench, p path) (numbers, error) {
	const streams, length = 1000, 5 * time.Second
	return b.hold(ctx, p, source, streams, func(held *holding) error {
		for _, c := range held.conns {
			go discard(c, endless) // ends when c is closed
		}
		for end := time.Now().Add(length); time.Now().Before(end); held.sample() {
			if err := wait(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
		return nil
	})
}

// A holding is a peer with open connections, and the most memory that was seen.
type holding struct {
	conns []*conn
	pids  map[string]int // of the parts
	most  numbers        // in MiB, by part
}

func (h *holding) sample() {
	for part, pid := range h.pids {
		h.most[part] = max(h.most[part], resident(pid))
	}
}

// hold opens connections to a service through a fresh peer and a fresh agent,
// lets use have them, and returns what memory was seen.
func (b *bench) hold(ctx context.Context, p path, s service, streams int, use func(*holding) error) (numbers, error) {
	if p.agent {
		b.stopAgents(ctx, b.kubeconfig)
	}
	peer, err := b.start(ctx, p, b.kubeconfig)
	if err != nil {
		return nil, err
	}
	defer peer.stop()
	first, err := open(ctx, peer.addr, echo, 0) // the agent may still be on its way
	if err != nil {
		return nil, err
	}
	first.Close()

	held := &holding{pids: map[string]int{"client": peer.cmd.Process.Pid}, most: make(numbers)}
	if p.agent {
		for _, agent := range b.agents() {
			held.pids["agent"] = agent.pid
		}
	}
	defer func() {
		for _, c := range held.conns {
			c.Close()
		}
	}()
	if held.conns, err = openMany(ctx, peer.addr, s, streams); err != nil {
		return nil, err
	}
	if err := use(held); err != nil {
		return nil, err
	}
	return held.most, nil
}

// openMany opens connections to a service, some at a time. With an error it
// returns those that there are.
func openMany(ctx context.Context, addr string, s service, count int) (conns []*conn, err error) {
	const atOnce = 20
	var (
		mu      sync.Mutex // guards conns and err
		taken   atomic.Int64
		failed  atomic.Bool
		openers sync.WaitGroup
	)
	for range atOnce {
		openers.Go(func() {
			for int(taken.Add(1)) <= count && !failed.Load() {
				c, openErr := open(ctx, addr, s, endless)
				mu.Lock()
				if openErr != nil {
					err = openErr
					failed.Store(true)
				} else {
					conns = append(conns, c)
				}
				mu.Unlock()
			}
		})
	}
	openers.Wait()
	return conns, err
}
