package httpsplit

import (
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	toApp     = "GET /a HTTP/1.1\r\nHost: web\r\n\r\n"
	toClient  = "GET /c HTTP/1.1\r\nhOST:  web \r\nX-User: alice\r\n\r\n"
	postApp   = "POST /p HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\n\r\nhello"
	chunkedTo = "POST /k HTTP/1.1\r\nHost: web\r\nx-user: alice\r\nTransfer-Encoding: chunked\r\n\r\n005;x=1\r\nhello\r\n1\r\n!\r\n0\r\nT: 1\r\n\r\n"
	expectTo  = "PUT /e HTTP/1.1\r\nHost: web\r\nx-user: alice\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok"
)

// Mixed requests on one connection, one after the other, all at once, and byte
// by byte: each side gets its own as they came, and the answers are in order.
func TestRequestsAreDivided(t *testing.T) {
	requests := []string{toApp, toClient, postApp, chunkedTo, toClient, toApp, expectTo, "HEAD /h HTTP/1.1\r\nHost: w\r\n\r\n", toApp}
	answers := []string{
		answered("app", "GET", "/a", ""), answered("client", "GET", "/c", ""), answered("app", "POST", "/p", "hello"),
		answered("client", "POST", "/k", "hello!"), answered("client", "GET", "/c", ""), answered("app", "GET", "/a", ""),
		"HTTP/1.1 100 Continue\r\n\r\n" + answered("client", "PUT", "/e", "ok"), answered("app", "HEAD", "/h", ""),
		answered("app", "GET", "/a", ""),
	}
	for name, say := range map[string]func(w *world){
		"one after the other": func(w *world) {
			for i, r := range requests {
				w.say(r)
				w.hear(answers[i])
			}
		},
		"all at once": func(w *world) {
			w.say(strings.Join(requests, ""))
			w.hear(strings.Join(answers, ""))
		},
		"byte by byte": func(w *world) {
			for _, b := range strings.Join(requests, "") {
				w.say(string(b))
			}
			w.hear(strings.Join(answers, ""))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, server("app"), server("client")).begin()
			say(w)
			require.NoError(t, w.caller.CloseWrite())
			w.hearEnd()
			assert.Equal(t, toApp+postApp+toApp+requests[7]+toApp, w.got("app"))
			assert.Equal(t, toClient+chunkedTo+toClient+expectTo, w.got("client"))
			assert.Equal(t, 1, w.opens("app"))
			assert.Equal(t, 1, w.opens("client"))
			assert.Equal(t, 4, w.matches)
		})
	}
}

// What is not HTTP as it is divided here is the app's, to the last byte.
func TestOpaqueBytesAreTheApps(t *testing.T) {
	matching := "\r\nX-User: alice\r\n\r\n"
	for name, text := range map[string]string{
		"nothing":                     "",
		"one byte":                    "x",
		"shorter than a method":       "GE",
		"a method alone":              "GET",
		"half a head":                 "GET / HTTP/1.1\r\nX-User: alice\r\n",
		"a line of another protocol":  "PING\r\n",
		"TLS":                         "\x16\x03\x01\x02\x00",
		"two spaces":                  "GET  / HTTP/1.1" + matching,
		"bare line feeds":             "GET / HTTP/1.1\nX-User: alice\n\n",
		"a folded line":               "GET / HTTP/1.1\r\nX-User: alice\r\n b\r\n\r\n",
		"space before a colon":        "GET / HTTP/1.1\r\nX-User : alice" + matching,
		"two lengths":                 "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1" + matching + "x",
		"a length and chunks":         "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked" + matching + "0\r\n\r\n",
		"an unknown coding":           "GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked" + matching,
		"a length that is none":       "GET / HTTP/1.1\r\nContent-Length: +1" + matching + "x",
		"another version":             "GET / HTTP/1.2" + matching,
		"a head without end":          "GET / HTTP/1.1\r\nA: " + strings.Repeat("a", 2*maxHead),
		"a line without end":          "GET /" + strings.Repeat("a", 2*maxLine),
		"strange after a good one":    toApp + "\r\nGET / HTTP/1.1" + matching,
		"chunks that are none":        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX-User: alice\r\n" + toClient,
		"a chunk size that is none":   "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n" + toClient,
		"a preface that is not whole": "PRI * HTTP/2.0\r\n\r\nXX" + matching,
	} {
		t.Run(name, func(t *testing.T) {
			assertAppGetsAll(t, text)
		})
	}
}

func TestServerThatSpeaksFirst(t *testing.T) {
	w := newWorld(t, func(c net.Conn) {
		io.WriteString(c, "220 hello\r\n")
		sink(c)
	}, nil).begin()
	w.hear("220 hello\r\n")
	w.say("HELO x\r\n")
	require.NoError(t, w.caller.CloseWrite())
	w.hear("8 bytes")
	w.hearEnd()
	assert.Equal(t, "HELO x\r\n", w.got("app"))
}

// A caller who thinks before it speaks is served like any other.
func TestShyCaller(t *testing.T) {
	w := newWorld(t, server("app"), server("client")).begin()
	require.Eventually(t, func() bool { return w.opens("app") == 1 }, 5*time.Second, time.Millisecond)
	for range 3 {
		w.say(toClient)
		w.hear(answered("client", "GET", "/c", ""))
		w.say(toApp)
		w.hear(answered("app", "GET", "/a", ""))
	}
	assert.Equal(t, 1, w.opens("app"))
}

// An unfinished line that stays so is no HTTP, and its server is to answer.
func TestUnfinishedLineIsPassedOn(t *testing.T) {
	w := newWorld(t, func(c net.Conn) {
		b := make([]byte, 4)
		io.ReadFull(c, b)
		io.WriteString(c, "you said "+string(b))
	}, nil).begin()
	w.say("HELO")
	w.hear("you said HELO")
	w.hearEnd()
}

func upgrade(name string) func(net.Conn) {
	return func(c net.Conn) {
		readHead(newConnReader(c))
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"+name+" first ")
		b := make([]byte, 4)
		io.ReadFull(c, b)
		io.WriteString(c, name+string(b))
	}
}

func TestUpgradeIsATunnel(t *testing.T) {
	const ask = "GET /ws HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: x\r\n"
	for name, head := range map[string]string{"app": ask + "\r\n", "client": ask + "X-User: alice\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, upgrade("app"), upgrade("client")).begin()
			w.say(head)
			w.hear("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + name + " first ")
			w.say("GET ")
			w.hear(name + "GET ")
			w.hearEnd()
		})
	}
	t.Run("that is refused is none", func(t *testing.T) {
		w := newWorld(t, server("app"), server("client")).begin()
		w.say(ask + "\r\n" + toClient)
		w.hear(answered("app", "GET", "/ws", "") + answered("client", "GET", "/c", ""))
	})
}

// Answers end the caller's connection where they say so.
func TestAnswersThatAreTheLast(t *testing.T) {
	for name, answer := range map[string]string{
		"announced":         "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.0":          "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"without a length":  "HTTP/1.1 200 OK\r\n\r\nok",
		"strange":           "200 OK\n\nok",
		"cut short":         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
		"cut short chunks":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
		"none at all":       "",
		"strange chunks":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok",
		"half of a head":    "HTTP/1.1 200 OK\r\nContent",
		"after information": "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nok",
	} {
		t.Run(name, func(t *testing.T) {
			for _, ask := range []string{toApp, toClient} {
				serve := func(c net.Conn) {
					readHead(newConnReader(c))
					io.WriteString(c, answer)
				}
				w := newWorld(t, serve, serve).begin()
				w.say(ask)
				w.hear(answer)
				w.hearEnd()
			}
		})
	}
}

func TestResetOfASideIsTheCallers(t *testing.T) {
	reset := func(c net.Conn) {
		readHead(newConnReader(c))
		c.(recorded).SetLinger(0)
	}
	for _, ask := range []string{toApp, toClient} {
		w := newWorld(t, reset, reset).begin()
		w.say(ask)
		_, err := io.ReadAll(w.caller)
		assert.ErrorIs(t, err, syscall.ECONNRESET)
	}
}

func TestResetOfTheCallerIsTheSides(t *testing.T) {
	errc := make(chan error, 1)
	w := newWorld(t, func(c net.Conn) {
		_, err := io.Copy(io.Discard, struct{ io.Reader }{c})
		errc <- err
	}, nil).begin()
	w.say("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
	require.Eventually(t, func() bool { return strings.HasSuffix(w.got("app"), "half") }, 5*time.Second, time.Millisecond)
	w.caller.SetLinger(0)
	w.caller.Close()
	assert.ErrorIs(t, <-errc, syscall.ECONNRESET)
}

// A local server that ends idle connections, as they do, costs no caller its
// own; an app does.
func TestIdleSideThatEnds(t *testing.T) {
	once := func(name string) func(net.Conn) {
		return func(c net.Conn) {
			readHead(newConnReader(c))
			io.WriteString(c, answered(name, "GET", "/", ""))
		}
	}
	w := newWorld(t, once("app"), once("client")).begin()
	for range 3 {
		w.say(toClient)
		w.hear(answered("client", "GET", "/", ""))
		require.Eventually(t, func() bool { return w.quiet() }, 5*time.Second, time.Millisecond)
	}
	assert.Equal(t, 3, w.opens("client"))
	w.say(toApp)
	w.hear(answered("app", "GET", "/", ""))
	w.hearEnd()
}

func TestClientThatRefuses(t *testing.T) {
	t.Run("resets the caller", func(t *testing.T) {
		w := newWorld(t, server("app"), nil).begin()
		w.say(toApp)
		w.hear(answered("app", "GET", "/a", ""))
		w.say(toClient)
		_, err := io.ReadAll(w.caller)
		assert.ErrorIs(t, err, syscall.ECONNRESET)
	})
	t.Run("leaves it to the app, with a fallback", func(t *testing.T) {
		w := newWorld(t, server("app"), nil)
		w.cfg.Fallback = true
		w.begin()
		for range 2 {
			w.say(toClient + toApp)
			w.hear(answered("app", "GET", "/c", "") + answered("app", "GET", "/a", ""))
		}
		assert.Equal(t, strings.Repeat(toClient+toApp, 2), w.got("app"))
		assert.Zero(t, w.matches)
	})
}

func TestDrain(t *testing.T) {
	t.Run("idle connections end", func(t *testing.T) {
		w := newWorld(t, server("app"), server("client")).begin()
		w.say(toClient)
		w.hear(answered("client", "GET", "/c", ""))
		close(w.drainc)
		w.hearEnd()
	})
	t.Run("answers under way are finished", func(t *testing.T) {
		goc := make(chan struct{})
		w := newWorld(t, server("app"), func(c net.Conn) {
			readHead(newConnReader(c))
			<-goc
			io.WriteString(c, answered("client", "GET", "/c", ""))
		}).begin()
		w.say(toClient)
		require.Eventually(t, func() bool { return w.got("client") == toClient }, 5*time.Second, time.Millisecond)
		close(w.drainc)
		close(goc)
		w.hear(answered("client", "GET", "/c", ""))
		w.hearEnd()
	})
	t.Run("what comes late is the app's", func(t *testing.T) {
		w := newWorld(t, server("app"), server("client")).begin()
		close(w.drainc)
		w.say(toClient)
		w.hear(answered("app", "GET", "/c", ""))
		w.hearEnd()
	})
}

func TestForwarded(t *testing.T) {
	w := newWorld(t, server("app"), server("client"))
	w.cfg.Forwarded = &Forwarded{Caller: addr("[fd00::1]:4000"), Local: addr("10.0.0.2:80")}
	w.begin()
	w.say(toApp + toClient)
	w.hear(answered("app", "GET", "/a", "") + answered("client", "GET", "/c", ""))
	assert.Equal(t, toApp, w.got("app"))
	assert.Equal(t, strings.TrimSuffix(toClient, "\r\n")+
		"Forwarded: for=\"[fd00::1]\";proto=http\r\nX-Forwarded-For: fd00::1\r\nX-Forwarded-Proto: http\r\n\r\n", w.got("client"))
}

// Without a filter everything is the client's, also what is not HTTP.
func TestEverythingIsTheClients(t *testing.T) {
	for name, text := range map[string]string{"HTTP": toApp, "not HTTP": "PING\r\n", "nothing": ""} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil, sink)
			w.cfg.Filter = nil
			w.begin()
			w.say(text)
			require.NoError(t, w.caller.CloseWrite())
			_, err := io.ReadAll(w.caller)
			require.NoError(t, err)
			assert.Equal(t, text, w.got("client"))
		})
	}
}

// A side that does not read holds up the caller, and costs no memory.
func TestBackPressure(t *testing.T) {
	goc := make(chan struct{})
	w := newWorld(t, nil, func(c net.Conn) {
		<-goc
		sink(c)
	}).begin()
	w.say("POST / HTTP/1.1\r\nX-User: alice\r\nContent-Length: 1000000000\r\n\r\n")
	w.caller.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	n, err := w.caller.Write(make([]byte, 100<<20))
	assert.Error(t, err)
	assert.Less(t, n, 50<<20)
	close(goc)
}
