package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gorilla/websocket"
)

// serve is an HTTP server. It answers every request with its name and what it
// has seen of it; /ws is a WebSocket that sends back what it hears, after the
// name; /slow waits a second before it answers. Its output has a line for each
// request.
func serve(flags *flag.FlagSet) func(context.Context) error {
	port := flags.Int("port", 80, "TCP `port` to listen on")
	host := flags.String("host", "", "address to listen on; all when empty")
	name := flags.String("name", "pod", "what the server calls itself")
	return func(ctx context.Context) error {
		mux := http.NewServeMux()
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { answer(w, r, *name) })
		mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) { webSocketEcho(w, r, *name) })
		mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(time.Second):
				answer(w, r, *name)
			case <-r.Context().Done():
			}
		})
		server := &http.Server{Handler: mux, Protocols: new(http.Protocols)}
		server.Protocols.SetHTTP1(true)
		server.Protocols.SetUnencryptedHTTP2(true)
		ln, err := net.Listen("tcp", net.JoinHostPort(*host, fmt.Sprint(*port)))
		if err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "peer: listening on", ln.Addr())
		context.AfterFunc(ctx, func() { server.Close() })
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
}

// answer says who answers, the request line, who seems to call and how long
// the body was; the fields X-User and X-Forwarded-For come back.
func answer(w http.ResponseWriter, r *http.Request, name string) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return // the connection is of no use
	}
	w.Header().Set("Served-By", name)
	fmt.Fprintf(io.MultiWriter(w, os.Stdout), "%s: %s %s %s from=%s user=%q forwarded=%q body=%d\n", name, r.Method, r.URL.RequestURI(), r.Proto,
		r.RemoteAddr, r.Header.Get("X-User"), r.Header.Get("X-Forwarded-For"), n)
}

func webSocketEcho(w http.ResponseWriter, r *http.Request, name string) {
	var upgrader websocket.Upgrader
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if err := conn.WriteMessage(kind, append([]byte(name+": "), message...)); err != nil {
			return
		}
	}
}

// webSocket says each of its arguments and prints what it hears.
func webSocket(flags *flag.FlagSet) func(context.Context) error {
	url := flags.String("url", "ws://localhost/ws", "`address` to connect to")
	fields := header{}
	flags.Var(fields, "header", "`name: value` to send; may be repeated")
	return func(ctx context.Context) error {
		conn, _, err := websocket.DefaultDialer.DialContext(ctx, *url, http.Header(fields))
		if err != nil {
			return err
		}
		defer conn.Close()
		for _, say := range flags.Args() {
			if err := conn.WriteMessage(websocket.TextMessage, []byte(say)); err != nil {
				return err
			}
			_, message, err := conn.ReadMessage()
			if err != nil {
				return err
			}
			fmt.Printf("%s\n", message)
		}
		return conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	}
}
