package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// benchMode runs the items on the paths and reports. What an interrupted run
// has so far is printed, too.
func benchMode(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	begin := time.Now()
	c, err := newCluster(ctx, o.kubeconfig, o.bin)
	defer func() {
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		c.cleanUp(cleaning)
	}()
	if err != nil {
		return err
	}
	if c.nodePort == "" {
		fmt.Fprintf(os.Stderr, "bench: the path %s is left out: %s\n", relays, noNodePort)
		o.paths = slices.DeleteFunc(o.paths, func(p path) bool { return p.name == relays })
	}
	b := &bench{cluster: c, o: o, peers: make(map[string]*peer)}
	runErr := b.run(ctx)
	r := report{paths: o.paths, items: b.items(), results: b.results}
	if len(b.results) > 0 {
		r.facts = c.facts(context.WithoutCancel(ctx), o, time.Since(begin))
		if err := r.markdown(os.Stdout); err != nil {
			return err
		}
	}
	if runErr != nil || o.out == "" {
		return runErr
	}
	return r.save(o.out)
}

// A bench is one run. Only one goroutine uses it.
type bench struct {
	*cluster
	o       options
	peers   map[string]*peer // those that run, by path
	results results
}

// items are those of this run.
func (b *bench) items() []item {
	return slices.DeleteFunc(slices.Clone(items), func(i item) bool {
		if b.o.only != nil {
			return !b.o.only.MatchString(i.name)
		}
		return b.o.quick && !i.quick
	})
}

// run takes the stages one after the other.
func (b *bench) run(ctx context.Context) error {
	for _, s := range []stage{near, far, slow, apart} {
		those := slices.DeleteFunc(b.items(), func(i item) bool { return i.stage != s })
		if len(those) == 0 {
			continue
		}
		if err := b.stage(ctx, s, those); err != nil {
			return err
		}
	}
	return nil
}

// stage does the items of a stage, and leaves neither peer nor agent of it.
func (b *bench) stage(ctx context.Context, s stage, those []item) error {
	kubeconfig := b.kubeconfig
	if s == far || s == slow {
		rate := 0
		if s == slow {
			rate = slowRate
		}
		away, stop, err := b.goAway(ctx, rate)
		if err != nil {
			return err
		}
		defer stop()
		kubeconfig = away
	}
	err := b.rounds(ctx, those, kubeconfig)
	b.stopPeers()
	if err == nil {
		b.stopAgents(ctx, kubeconfig)
	}
	return err
}

// rounds does the items, each on one path after the other; which is first moves
// on from round to round.
func (b *bench) rounds(ctx context.Context, those []item, kubeconfig string) error {
	for round := range b.o.rounds {
		for _, i := range those {
			for k := range b.o.paths {
				p := b.o.paths[(k+round)%len(b.o.paths)]
				if !i.measures(p) {
					continue
				}
				out := b.measure(ctx, i, p, kubeconfig)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if out.Numbers == nil && out.Failure == "" {
					continue
				}
				b.results.add(i.name, p.name, round, out)
				fmt.Fprintf(os.Stderr, "round %d of %d, %s, %s: %s\n", round+1, b.o.rounds, i.name, p.name, b.brief(i, out))
				if out.Failure != "" || i.dirty {
					b.stopPeer(p)
				}
			}
		}
	}
	return nil
}

// brief is an outcome in a few words.
func (b *bench) brief(i item, out outcome) string {
	if out.Failure != "" {
		if b.o.verbose {
			return string(out.Failure) + ": " + out.Err
		}
		return string(out.Failure)
	}
	var words []string
	for _, s := range i.shown {
		if n, ok := out.Numbers[s.number]; ok {
			words = append(words, strings.TrimSpace(s.title+" "+figure(n)+" "+s.unit))
		}
	}
	return strings.Join(words, ", ")
}
