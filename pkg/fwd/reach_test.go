package fwd

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/fwdtools/fwd/internal/kube"
)

var (
	errForbidden = errors.New("not permitted")
	errGone      = errors.New("the agent is gone")
)

func TestRace(t *testing.T) {
	for _, tt := range []struct {
		name               string
		proxy, portForward way
		via                Via
		after              time.Duration
		failed             string
		err                error
		tried              int // how often portforward was
	}{
		{"proxy is fast enough", way{takes: 200 * time.Millisecond}, way{},
			ViaProxy, 200 * time.Millisecond, "", nil, 0},
		{"proxy is slower", way{takes: time.Second}, way{takes: 100 * time.Millisecond},
			ViaPortForward, 350 * time.Millisecond, "", nil, 1},
		{"proxy is slower, and its loser ready all the same", way{takes: time.Second, deaf: true}, way{takes: 100 * time.Millisecond},
			ViaPortForward, 350 * time.Millisecond, "", nil, 1},
		{"proxy wins in the end", way{takes: time.Second}, way{takes: time.Minute},
			ViaProxy, time.Second, "", nil, 1},
		{"and the loser is ready all the same", way{takes: time.Second}, way{takes: 2 * time.Second, deaf: true},
			ViaProxy, time.Second, "", nil, 1},
		{"proxy is refused at once", way{fails: errForbidden}, way{takes: 100 * time.Millisecond},
			ViaPortForward, 100 * time.Millisecond, "not permitted", nil, 1},
		{"proxy is refused later", way{takes: time.Second, fails: errForbidden}, way{takes: 2 * time.Second},
			ViaPortForward, 2250 * time.Millisecond, "not permitted", nil, 1},
		{"proxy met no API server", way{fails: &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}}, way{takes: time.Second},
			ViaPortForward, time.Second, "", nil, 1},
		{"portforward is refused", way{takes: time.Second}, way{fails: errGone},
			ViaProxy, time.Second, "", nil, 1},
		{"both are refused, proxy first", way{fails: errForbidden}, way{takes: time.Second, fails: errGone},
			"", time.Second, "", errGone, 1},
		{"both are refused, portforward first", way{takes: time.Second, fails: errForbidden}, way{fails: errGone},
			"", time.Second, "", errGone, 1},
		{"nobody answers", way{takes: time.Hour}, way{takes: time.Hour},
			"", time.Minute, "", context.DeadlineExceeded, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLinks(t)
			l.proxy, l.portForward = tt.proxy, tt.portForward
			synctest.Test(t, func(t *testing.T) {
				c := l.start(ViaAuto, 1)
				a := l.agent
				a.Second = l.second()
				begin := time.Now()
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				r, err := c.reach(ctx, a)
				assert.Equal(t, tt.after, time.Since(begin))
				assert.Equal(t, tt.tried, l.tried(&l.portForward))
				if tt.err != nil {
					assert.ErrorIs(t, err, tt.err)
				} else {
					require.NoError(t, err)
					assert.Equal(t, tt.via, r.via)
					assert.Equal(t, l.failed(tt.failed), r.second)
					cancel()
					_, err = askSecond(context.Background(), r.session)
					assert.NoError(t, err, "the winner is alive after the race")
				}
				c.work.Wait() // for losers
				synctest.Wait()
				running := len(l.sessions(&l.proxy)) + len(l.sessions(&l.portForward))
				if tt.err != nil {
					assert.Zero(t, running)
				} else {
					assert.Equal(t, 1, running, "sessions")
					r.session.Close()
				}
			})
		})
	}
}

func TestReachKnowsWhichLinkToTry(t *testing.T) {
	for _, tt := range []struct {
		name   string
		via    Via
		known  bool
		failed string
		want   Via
		tried  int // how often the other one was
	}{
		{"nothing is known", ViaAuto, false, "", ViaPortForward, 0},
		{"proxy is known not to work", ViaAuto, true, "not permitted", ViaPortForward, 0},
		{"portforward was asked for", ViaPortForward, true, "", ViaPortForward, 0},
		{"proxy was asked for and is known", ViaProxy, true, "", ViaProxy, 0},
		{"proxy was asked for and did not work before", ViaProxy, true, "not permitted", ViaProxy, 0},
		{"proxy was asked for and is not known", ViaProxy, false, "", ViaProxy, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLinks(t)
			synctest.Test(t, func(t *testing.T) {
				c := l.start(tt.via, 1)
				a := l.agent
				if tt.known {
					a.Second = l.failed(tt.failed)
				}
				r, err := c.reach(context.Background(), a)
				require.NoError(t, err)
				assert.Equal(t, tt.want, r.via)
				other := &l.portForward
				if tt.want == ViaPortForward {
					other = &l.proxy
				}
				assert.Equal(t, tt.tried, l.tried(other))
				synctest.Wait()
				assert.Len(t, l.sessions(other), 0)
				switch tt.want {
				case ViaProxy:
					assert.Equal(t, l.second(), r.second, "it works now")
				case ViaPortForward:
					assert.Equal(t, a.Second, r.second)
				}
				r.session.Close()
			})
		})
	}
}

func TestProxyThatWasAskedForFails(t *testing.T) {
	for _, known := range []bool{true, false} {
		l := newLinks(t)
		l.proxy.fails = errForbidden
		synctest.Test(t, func(t *testing.T) {
			c := l.start(ViaProxy, 1)
			a := l.agent
			if known {
				a.Second = l.second()
			}
			_, err := c.reach(context.Background(), a)
			assert.EqualError(t, err, "fwd-agent-x does not answer via proxy (--via auto would use portforward): not permitted")
			assert.ErrorIs(t, err, errForbidden)
			synctest.Wait()
			assert.Empty(t, l.sessions(&l.portForward))
		})
	}
}

func TestProxyThatWasAskedForOfAnOlderAgent(t *testing.T) {
	l := newLinks(t)
	l.unknown = true
	synctest.Test(t, func(t *testing.T) {
		_, err := l.start(ViaProxy, 1).reach(context.Background(), l.agent)
		require.EqualError(t, err, "fwd-agent-x does not answer via proxy (--via auto would use portforward): "+
			"ask the agent for its second port: this agent does not know the word proxy")
		assert.False(t, Passing(err))
		assert.Empty(t, l.learnt())
		synctest.Wait()
	})
}

// Only the other link tells whether there is an agent; where there is none, the
// cluster is asked once whether it would permit this one.
func TestProxyThatWasAskedForOfAnAgentThatIsGone(t *testing.T) {
	for _, tt := range []struct {
		name string
		code int32
		text string
		want any
	}{
		{"and it is not permitted", 403, `pods "web-1" is forbidden: User "jane" cannot get resource "pods/proxy" in API group "" in the namespace "prod"`,
			new(*kube.ForbiddenError)},
		{"and nobody listens", 503, "error trying to reach service: dial tcp: connect: connection refused", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked++
				w.WriteHeader(int(tt.code))
				json.NewEncoder(w).Encode(metav1.Status{
					TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Code: tt.code, Message: tt.text,
					Reason: map[int32]metav1.StatusReason{403: metav1.StatusReasonForbidden}[tt.code],
				})
			}))
			defer srv.Close()
			l := newLinks(t)
			l.proxy.fails, l.portForward.fails = errForbidden, errGone
			c := l.start(ViaProxy, 1)
			var err error
			c.cluster, err = kube.NewForConfig(&rest.Config{Host: srv.URL}, "prod", kube.Config{})
			require.NoError(t, err)
			_, err = c.reach(context.Background(), l.agent)
			if tt.want != nil {
				require.ErrorAs(t, err, tt.want)
				assert.ErrorContains(t, err, `--via auto would use portforward`)
			} else {
				assert.Equal(t, errGone, err)
			}
			_, err = c.reach(context.Background(), l.agent)
			assert.Equal(t, errGone, err)
			assert.Equal(t, 1, asked)
		})
	}
}

func TestAskSecondBelievesOnlyWhatMakesSense(t *testing.T) {
	for _, answer := range []string{
		"", "61001", "61001 ", "61001 AAAA", "0 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"65536 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "-1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"61001 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA x",
	} {
		c, agent := withAgent(t)
		go func() {
			st, err := agent.Accept(context.Background())
			if err == nil {
				st.Accept(answer)
			}
		}()
		_, err := askSecond(context.Background(), c.sessions[0])
		assert.ErrorContains(t, err, "the agent said of its second port", "%q", answer)
	}
}

func TestStopEndsWithItsClient(t *testing.T) {
	l := newLinks(t)
	l.portForward.takes = time.Hour
	synctest.Test(t, func(t *testing.T) {
		c := l.start(ViaAuto, 1)
		time.AfterFunc(time.Second, func() { c.Close() })
		assert.ErrorIs(t, c.Stop(context.Background(), AgentInfo{Agent: l.agent}), context.Canceled)
		synctest.Wait()
		assert.Equal(t, net.ErrClosed, c.Stop(context.Background(), AgentInfo{Agent: l.agent}))
	})
}

func TestStopAsksTheAgent(t *testing.T) {
	l := newLinks(t)
	synctest.Test(t, func(t *testing.T) {
		c := l.start(ViaAuto, 1)
		defer c.Close()
		require.NoError(t, c.Stop(context.Background(), AgentInfo{Agent: l.agent}))
		synctest.Wait()
		assert.Empty(t, l.sessions(&l.portForward))
	})
}
