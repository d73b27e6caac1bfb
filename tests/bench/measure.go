package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"time"
)

// measure does an item on a path once.
func (b *bench) measure(ctx context.Context, i item, p path, kubeconfig string) outcome {
	if i.run != nil {
		bounded, cancel := context.WithTimeout(ctx, i.deadline)
		defer cancel()
		n, err := i.run(bounded, b, p)
		return outcomeOf(bounded, n, err)
	}
	j := i.work(b.o.quick)
	peer, err := b.peer(ctx, p, kubeconfig)
	if err != nil {
		return outcome{Failure: broken, Err: err.Error()}
	}
	if peer != nil {
		j.Addr = peer.addr
	}
	before := b.cpu(p, peer)
	var out outcome
	if peer == nil {
		out = b.direct(ctx, j)
	} else {
		if out = j.do(ctx); out.Failure != "" {
			out.Err += ": " + peer.stderr.String()
		}
	}
	if i.cpu && out.Failure == "" {
		moved := j.Bytes
		if j.Load == "both" {
			moved *= 2
		}
		out.Numbers.perGigabyte(before, b.cpu(p, peer), moved)
	}
	return out
}

// direct does a job on the node.
func (b *bench) direct(ctx context.Context, j job) outcome {
	j.Addr = fmt.Sprintf("%s:%d", b.podIP, serverPort)
	arg, err := json.Marshal(j)
	if err != nil {
		return outcome{Failure: broken, Err: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, j.Deadline+10*time.Second)
	defer cancel()
	text, err := exec.CommandContext(ctx, "docker", "exec", node, nodeDir+"/bench", "load", string(arg)).Output()
	var out outcome
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		return outcome{Failure: broken, Err: err.Error()}
	}
	return out
}

// peer returns the running peer of a path, or starts it and waits until it
// carries; nil for the path that has none.
func (b *bench) peer(ctx context.Context, p path, kubeconfig string) (*peer, error) {
	if p.command == nil {
		return nil, nil
	}
	if running := b.peers[p.name]; running != nil {
		select {
		case <-running.donec:
			b.stopPeer(p)
		default:
			return running, nil
		}
	}
	started, err := b.start(ctx, p, kubeconfig)
	if err != nil {
		return nil, err
	}
	b.peers[p.name] = started
	out := job{Load: "connect", Addr: started.addr, Count: 1, Deadline: startPatience}.do(ctx)
	if out.Failure != "" {
		b.stopPeer(p)
		return nil, fmt.Errorf("a new %s: %s: %s", p.name, out.Err, started.stderr)
	}
	return started, nil
}

// start starts a path's command.
func (b *bench) start(ctx context.Context, p path, kubeconfig string) (*peer, error) {
	return startPeer(ctx, p.command(b.cluster), append(b.env(kubeconfig), p.env...))
}

func (b *bench) stopPeer(p path) {
	if running := b.peers[p.name]; running != nil {
		running.stop()
		delete(b.peers, p.name)
	}
}

func (b *bench) stopPeers() {
	for _, p := range paths {
		b.stopPeer(p)
	}
}
