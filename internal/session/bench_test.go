package session

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

// servedPair is a session whose agent gives every stream to serve.
func servedPair(b testing.TB, link int, serve func(*Stream)) *Session {
	client, agent := pair(b, links[link].make, Config{}, Config{})
	go func() {
		for {
			st, err := agent.Accept(context.Background())
			if err != nil {
				return
			}
			go serve(st)
		}
	}()
	return client
}

func echo(st *Stream) {
	st.Accept(st.Address())
	io.Copy(st, st)
	st.Close()
}

func sink(st *Stream) {
	st.Accept(st.Address())
	io.Copy(io.Discard, st)
	st.Close()
}

func overLinks(b *testing.B, f func(b *testing.B, link int)) {
	for i, link := range links {
		b.Run(link.name, func(b *testing.B) { f(b, i) })
	}
}

// BenchmarkBulk moves 64 KiB in each iteration, through one stream.
func BenchmarkBulk(b *testing.B) {
	overLinks(b, func(b *testing.B, link int) {
		st, err := servedPair(b, link, sink).Open(wire.KindTCP, "")
		require.NoError(b, err)
		buf := make([]byte, 64<<10)
		b.SetBytes(int64(len(buf)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := st.Write(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSmallWrites moves 1 KiB in each iteration, through one stream.
func BenchmarkSmallWrites(b *testing.B) {
	overLinks(b, func(b *testing.B, link int) {
		st, err := servedPair(b, link, sink).Open(wire.KindTCP, "")
		require.NoError(b, err)
		buf := make([]byte, 1<<10)
		b.SetBytes(int64(len(buf)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := st.Write(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRoundTrip sends one byte and waits for it, through one stream.
func BenchmarkRoundTrip(b *testing.B) {
	overLinks(b, func(b *testing.B, link int) {
		st, err := servedPair(b, link, echo).Open(wire.KindTCP, "")
		require.NoError(b, err)
		buf := make([]byte, 1)
		b.ReportAllocs()
		for b.Loop() {
			st.Write(buf)
			if _, err := io.ReadFull(st, buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkStreams opens a stream, sends 100 bytes, gets them back, closes;
// many at a time.
func BenchmarkStreams(b *testing.B) {
	overLinks(b, func(b *testing.B, link int) {
		client := servedPair(b, link, echo)
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			buf := make([]byte, 100)
			for pb.Next() {
				st, err := client.Open(wire.KindTCP, "")
				if err != nil {
					b.Error(err)
					return
				}
				st.Write(buf)
				st.CloseWrite()
				if n, err := io.Copy(io.Discard, st); n != 100 || err != nil {
					b.Errorf("read %d bytes, %v", n, err)
					return
				}
				st.Close()
			}
		})
	})
}
