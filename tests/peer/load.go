package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// load makes requests and prints one line: how many were answered, by whom,
// and how long it took. Request number i asks for /i and has the field X-Id.
func load(flags *flag.FlagSet) func(context.Context) error {
	url := flags.String("url", "http://localhost", "`address` without a path")
	n := flags.Int("n", 10000, "how many requests")
	workers := flags.Int("c", 20, "how many at once")
	fresh := flags.Bool("fresh", false, "a new connection for each")
	rate := flags.Int("rate", 0, "how many begin in a second; as many as can be when 0")
	fields := header{}
	flags.Var(fields, "header", "`name: value` to send; may be repeated")
	return func(ctx context.Context) error {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: *workers, DisableKeepAlives: *fresh}}
		var (
			mu     sync.Mutex
			by     = map[string]int{}
			failed int
			times  []time.Duration
			wg     sync.WaitGroup
		)
		next := make(chan int)
		begin := time.Now()
		for range *workers {
			wg.Go(func() {
				for i := range next {
					from := time.Now()
					name, err := request(ctx, client, fmt.Sprintf("%s/%d", *url, i), fields)
					took := time.Since(from)
					mu.Lock()
					if err != nil {
						failed++
						fmt.Printf("request %d: %v\n", i, err)
					} else {
						by[name]++
						times = append(times, took)
					}
					mu.Unlock()
				}
			})
		}
		for i := range *n {
			if *rate > 0 {
				time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(*rate))))
			}
			next <- i
		}
		close(next)
		wg.Wait()
		all := time.Since(begin)
		slices.Sort(times)
		if len(times) == 0 {
			return fmt.Errorf("all %d requests failed", failed)
		}
		fmt.Printf("answered=%v failed=%d p50=%v p99=%v rate=%.0f/s\n", by, failed,
			times[len(times)/2], times[len(times)*99/100], float64(len(times))/all.Seconds())
		return nil
	}
}

// request asks once and returns who answered.
func request(ctx context.Context, client *http.Client, url string, fields header) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	r.Header = http.Header(fields).Clone()
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.Header.Get("Served-By"), err
}
