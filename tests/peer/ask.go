package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

// ask makes requests one after the other and prints the answers, then how many
// connections that took. Each argument is "METHOD PATH [BODY]"; one that begins
// with + is sent with the fields of -header.
func ask(flags *flag.FlagSet) func(context.Context) error {
	url := flags.String("url", "http://localhost", "`address` without a path")
	h2 := flags.Bool("h2", false, "HTTP/2 with prior knowledge")
	fields := header{}
	flags.Var(fields, "header", "`name: value` to send where asked; may be repeated")
	return func(ctx context.Context) error {
		conns := 0
		transport := &http.Transport{Protocols: new(http.Protocols), DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conns++
			return new(net.Dialer).DialContext(ctx, network, addr)
		}}
		transport.Protocols.SetHTTP1(!*h2)
		transport.Protocols.SetUnencryptedHTTP2(*h2)
		client := &http.Client{Transport: transport}
		for _, arg := range flags.Args() {
			words, with := strings.CutPrefix(arg, "+")
			parts := append(strings.SplitN(words, " ", 3), "")
			r, err := http.NewRequestWithContext(ctx, parts[0], *url+parts[1], strings.NewReader(parts[2]))
			if err != nil {
				return err
			}
			if with {
				r.Header = http.Header(fields).Clone()
			}
			answer, err := client.Do(r)
			if err != nil {
				return err
			}
			if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
				return err
			}
			answer.Body.Close()
		}
		fmt.Println("connections:", conns)
		return nil
	}
}
