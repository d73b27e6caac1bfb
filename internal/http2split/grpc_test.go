package http2split

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// service is a gRPC server that does what the method's name says.
type service struct {
	who    string
	ended  chan error    // gets why /x/hang was cancelled
	slowly chan struct{} // /x/slow reads on when it is closed
}

func serveGRPC(t *testing.T, ln net.Listener, who string) *service {
	s := &service{who, make(chan error, 100), make(chan struct{})}
	srv := grpc.NewServer(grpc.UnknownServiceHandler(s.handle), grpc.MaxRecvMsgSize(128<<20), grpc.MaxSendMsgSize(128<<20))
	donec := make(chan struct{})
	go func() { srv.Serve(ln); close(donec) }()
	t.Cleanup(func() { srv.Stop(); <-donec })
	return s
}

func (s *service) handle(_ any, st grpc.ServerStream) error {
	st.SetHeader(metadata.Pairs("x-who", s.who))
	st.SetTrailer(metadata.Pairs("x-trailer-bin", s.who+"\x00\xff"))
	method, _ := grpc.MethodFromServerStream(st)
	switch method {
	case "/x/fail":
		return status.Error(codes.FailedPrecondition, s.who+": ünsound\n")
	case "/x/hang":
		st.SendHeader(nil)
		<-st.Context().Done()
		s.ended <- st.Context().Err()
		return st.Context().Err()
	case "/x/slow":
		<-s.slowly
	}
	var total int
	for {
		var m wrapperspb.BytesValue
		err := st.RecvMsg(&m)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		total += len(m.Value)
		if method == "/x/echo" {
			if err := st.SendMsg(&m); err != nil {
				return err
			}
		}
	}
	n := 1
	if method == "/x/many" {
		n = 1000
	}
	for range n {
		if err := st.SendMsg(wrapperspb.Bytes([]byte(fmt.Sprint(s.who, total)))); err != nil {
			return err
		}
	}
	return nil
}

func grpcConn(t *testing.T, addr net.Addr) *grpc.ClientConn {
	cc, err := grpc.NewClient("passthrough:///"+addr.String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(128<<20), grpc.MaxCallSendMsgSize(128<<20)))
	require.NoError(t, err)
	t.Cleanup(func() { cc.Close() })
	return cc
}

// to is a context for calls that are who's to answer.
func to(who string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	return metadata.AppendToOutgoingContext(ctx, "x-to", who), cancel
}

var both = &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}

// unary calls who with so many bytes.
func unary(cc *grpc.ClientConn, who, method string, n int) error {
	ctx, cancel := to(who)
	defer cancel()
	var answer wrapperspb.BytesValue
	var trailer metadata.MD
	if err := cc.Invoke(ctx, method, wrapperspb.Bytes(make([]byte, n)), &answer, grpc.Trailer(&trailer)); err != nil {
		return err
	}
	if want := fmt.Sprint(who, n); string(answer.Value) != want {
		return fmt.Errorf("answer %q, want %q", answer.Value, want)
	}
	if got := trailer.Get("x-trailer-bin"); len(got) != 1 || got[0] != who+"\x00\xff" {
		return fmt.Errorf("trailer %q", got)
	}
	return nil
}

// talk sends and gets n messages in turn.
func talk(cc *grpc.ClientConn, who string, n, size int) error {
	ctx, cancel := to(who)
	defer cancel()
	st, err := cc.NewStream(ctx, both, "/x/echo")
	if err != nil {
		return err
	}
	for i := range n {
		m := wrapperspb.Bytes(bytes.Repeat([]byte{byte(i)}, size))
		if err := st.SendMsg(m); err != nil {
			return err
		}
		var got wrapperspb.BytesValue
		if err := st.RecvMsg(&got); err != nil {
			return err
		}
		if !bytes.Equal(got.Value, m.Value) {
			return fmt.Errorf("message %d: %d bytes came back", i, len(got.Value))
		}
	}
	st.CloseSend()
	var last wrapperspb.BytesValue
	if err := st.RecvMsg(&last); err != nil {
		return err
	}
	if want := fmt.Sprint(who, n*size); string(last.Value) != want {
		return fmt.Errorf("last answer %q, want %q", last.Value, want)
	}
	if err := st.RecvMsg(&last); err != io.EOF {
		return fmt.Errorf("end: %v", err)
	}
	return nil
}

func grpcWorld(t *testing.T, change ...func(*Config)) (w *world, app, client *service, cc *grpc.ClientConn) {
	w = newWorld(t, change...)
	return w, serveGRPC(t, w.app, "app"), serveGRPC(t, w.client, "client"), grpcConn(t, w.front.Addr())
}

var sides = []string{"app", "client"}

func TestGRPC(t *testing.T) {
	_, _, _, cc := grpcWorld(t)
	for range 2 {
		for _, who := range sides {
			assert.NoError(t, unary(cc, who, "/x/one", 5))
			assert.NoError(t, talk(cc, who, 20, 3000))
			err := unary(cc, who, "/x/fail", 5)
			assert.Equal(t, codes.FailedPrecondition, status.Code(err))
			assert.Equal(t, who+": ünsound\n", status.Convert(err).Message())
		}
	}
}

func TestGRPCServerStream(t *testing.T) {
	_, _, _, cc := grpcWorld(t)
	for _, who := range sides {
		ctx, cancel := to(who)
		st, err := cc.NewStream(ctx, both, "/x/many")
		require.NoError(t, err)
		require.NoError(t, st.CloseSend())
		n := 0
		for {
			var m wrapperspb.BytesValue
			if err := st.RecvMsg(&m); err != nil {
				assert.Equal(t, io.EOF, err)
				break
			}
			n++
		}
		assert.Equal(t, 1000, n)
		cancel()
	}
}

func TestGRPCCancelReachesTheOtherSide(t *testing.T) {
	_, app, client, cc := grpcWorld(t)
	for i, s := range []*service{app, client} {
		for _, byDeadline := range []bool{false, true} {
			ctx, cancel := to(sides[i])
			if byDeadline {
				ctx, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
			}
			st, err := cc.NewStream(ctx, both, "/x/hang")
			require.NoError(t, err)
			_, err = st.Header()
			require.NoError(t, err)
			if !byDeadline {
				cancel()
			}
			select {
			case <-s.ended:
			case <-time.After(patience):
				t.Fatal("the server was not told")
			}
			assert.Error(t, st.RecvMsg(new(wrapperspb.BytesValue)))
			cancel()
		}
		assert.NoError(t, unary(cc, sides[i], "/x/one", 5), "the connection goes on")
	}
}

func TestGRPCManyAtOnce(t *testing.T) {
	_, _, _, cc := grpcWorld(t)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			assert.NoError(t, talk(cc, sides[i%2], 20, 1000+i*100))
			assert.NoError(t, unary(cc, sides[i/2%2], "/x/one", 100_000))
		})
	}
	wg.Wait()
}

func TestOneSideThatDoesNotReadStallsNoOther(t *testing.T) {
	const large = 64 << 20
	for i, slow := range sides {
		t.Run(slow, func(t *testing.T) {
			_, app, client, cc := grpcWorld(t)
			errc := make(chan error, 1)
			go func() { errc <- unary(cc, slow, "/x/slow", large) }()
			other := sides[1-i]
			for range 20 {
				assert.NoError(t, talk(cc, other, 5, 50_000))
			}
			assert.NoError(t, talk(cc, slow, 5, 1000), "another stream of the same side")
			assert.Empty(t, errc)
			close([]*service{app, client}[i].slowly)
			assert.NoError(t, <-errc)
		})
	}
}

func TestACallerThatDoesNotReadAStreamStallsNoOther(t *testing.T) {
	_, _, _, cc := grpcWorld(t)
	ctx, cancel := to("client")
	defer cancel()
	st, err := cc.NewStream(ctx, both, "/x/echo")
	require.NoError(t, err)
	sentc := make(chan struct{})
	go func() { // more than all windows on the way
		defer close(sentc)
		for range 100 {
			if st.SendMsg(wrapperspb.String(strings.Repeat("z", 1<<20))) != nil {
				return
			}
		}
	}()
	for range 50 {
		for _, who := range sides {
			assert.NoError(t, talk(cc, who, 3, 20_000))
		}
	}
	cancel()
	<-sentc
}
