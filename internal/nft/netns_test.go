//go:build linux && netns

package nft

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNetnsRedirectsEveryWay(t *testing.T) {
	inPod(t, func(p *pod) {
		p.server("app", ":80")
		thief := p.server("thief", ":0")
		p.wantServed("app")
		r := p.steal(thief, 0)
		p.wantServed("thief")
		require.NoError(t, r.Stop())
		require.NoError(t, r.Stop())
		p.wantServed("app")
		require.NoError(t, r.Close())
		require.NoError(t, r.Close())
		assert.NoError(t, r.Stop(), "after Close")
		p.wantServed("app")
		assert.Empty(t, p.ruleset())
	})
}

// An app that is not bound to all addresses is still what a mark leads to.
func TestNetnsMarkedSocketsReachTheApp(t *testing.T) {
	inPod(t, func(p *pod) {
		p.server("pod4", pod4+":80")
		p.server("lo6", "[::1]:80")
		thief := p.server("thief", ":0")
		p.steal(thief, 3)
		for _, tt := range []struct {
			mark uint32
			addr string
			want string
		}{
			{Mark(3), pod4 + ":80", "pod4"},
			{Mark(3), "[::1]:80", "lo6"},
			{Mark(4), pod4 + ":80", "pod4"},
			{Mark(Own), "[::1]:80", "lo6"},
			{Mark(2), pod4 + ":80", "thief"},
			{Mark(0), "[::1]:80", "thief"},
			{1, pod4 + ":80", "thief"},
			{0x6665_0000, pod4 + ":80", "thief"},
		} {
			assert.Equal(t, tt.want, p.open(false, tt.addr, tt.mark).server, "%#x to %s", tt.mark, tt.addr)
		}
	})
}

// A caller that offers Multipath TCP gets plain TCP from us, as from most apps.
func TestNetnsRedirectsMultipathCallers(t *testing.T) {
	inPod(t, func(p *pod) {
		p.steal(p.server("thief", ":0"), 0)
		var d net.Dialer
		d.SetMultipathTCP(true)
		for _, w := range ways {
			to := net.JoinHostPort(w.addr, "80")
			c := p.openBy(d, w.outside, to)
			assert.Equal(t, "thief", c.server, w.name)
			assert.Equal(t, to, c.dst, w.name)
		}
	})
}

func TestNetnsOthersPortIsNotTouched(t *testing.T) {
	inPod(t, func(p *pod) {
		p.in(func() { p.server("elsewhere", ":80") })
		p.server("other", ":81")
		p.steal(p.server("thief", ":0"), 0)
		assert.Equal(t, "elsewhere", p.open(false, caller4+":80", 0).server)
		assert.Equal(t, "elsewhere", p.open(false, "["+caller6+"]:80", 0).server)
		assert.Equal(t, "other", p.open(true, pod4+":81", 0).server)
	})
}

// Connection tracking picks up in the middle what is older than itself, and
// calls it new.
func TestNetnsEstablishedConnectionsGoOn(t *testing.T) {
	for _, tracked := range []bool{false, true} {
		t.Run(fmt.Sprintf("tracked %v", tracked), func(t *testing.T) {
			inPod(t, func(p *pod) {
				if tracked {
					p.run("nft add table inet tracking")
					p.run("nft add chain inet tracking input { type filter hook input priority 0; }")
					p.run("nft add rule inet tracking input ct state new")
				}
				app, err := net.Listen("tcp", ":80")
				require.NoError(t, err)
				defer app.Close()
				type pair struct{ caller, app net.Conn }
				var asks, tells []pair // the next to speak is the caller, the app
				for _, w := range ways {
					for _, list := range []*[]pair{&asks, &tells} {
						var c net.Conn
						dial := func() { c, err = net.Dial("tcp", net.JoinHostPort(w.addr, "80")) }
						if w.outside {
							p.in(dial)
						} else {
							dial()
						}
						require.NoError(t, err)
						a, err := app.Accept()
						require.NoError(t, err)
						*list = append(*list, pair{c, a})
						p.say(c, a, "before")
						p.say(a, c, "before")
					}
				}
				r := p.steal(p.server("thief", ":0"), 0)
				both := func(text string) {
					for _, x := range asks {
						p.say(x.caller, x.app, text)
						p.say(x.app, x.caller, text)
					}
					for _, x := range tells {
						p.say(x.app, x.caller, text)
						p.say(x.caller, x.app, text)
					}
				}
				both("during")
				require.NoError(t, r.Stop())
				both("stopped")
				require.NoError(t, r.Close())
				both("closed")
			})
		})
	}
}

// The rules that redirect are needed for new connections only, but connection
// tracking for all that are under way; and the kernel stops that a while after
// the last rule has gone that needs it.
func TestNetnsStolenConnectionsGoOnAfterStop(t *testing.T) {
	inPod(t, func(p *pod) {
		p.server("app", ":80")
		thief := p.server("thief", ":0")
		r := p.steal(thief, 0)
		var stolen []*client
		for _, w := range ways {
			stolen = append(stolen, p.open(w.outside, net.JoinHostPort(w.addr, "80"), 0))
		}
		require.NoError(t, r.Stop())
		thief.Close()
		p.settle()
		p.wantServed("app")
		for i, c := range stolen {
			assert.Equal(t, "thief still", c.echo("still"), ways[i].name)
		}
	})
}

// Claims of one port are asked in the order of arrival, each for what those
// before it pass on. The rules need not be there in that order.
func TestNetnsOrdersFormAChain(t *testing.T) {
	inPod(t, func(p *pod) {
		p.server("app", ":80")
		first, second := p.server("first", ":0"), p.server("second", ":0")
		r1 := p.steal(second, 1)
		p.wantServed("second")
		r0 := p.steal(first, 0)
		p.wantServed("first")
		passed := func(mark uint32, want string) {
			t.Helper()
			for _, w := range ways[2:] {
				assert.Equal(t, want, p.open(false, net.JoinHostPort(w.addr, "80"), mark).server, w.name)
			}
		}
		passed(Mark(0), "second")
		passed(Mark(1), "app")
		passed(Mark(Own), "app")
		require.NoError(t, r0.Stop())
		p.wantServed("second")
		passed(Mark(0), "second")
		require.NoError(t, r1.Stop())
		p.wantServed("app")
	})
}

func TestNetnsWithoutIPv6(t *testing.T) {
	inPod(t, func(p *pod) {
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte("1"), 0); err != nil {
			t.Skipf("IPv6 cannot be turned off here: %v", err)
		}
		p.server("app", ":80")
		r := p.steal(p.server("thief", ":0"), 0)
		for _, w := range ways {
			if !netip.MustParseAddr(w.addr).Is6() {
				assert.Equal(t, "thief", p.open(w.outside, w.addr+":80", 0).server, w.name)
			}
		}
		require.NoError(t, r.Close())
		assert.Equal(t, "app", p.open(true, pod4+":80", 0).server)
	})
}
