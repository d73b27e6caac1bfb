//go:build linux && netns

package nft

import (
	"os"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The text is what people see who look into their pod.
func TestNetnsTableText(t *testing.T) {
	inPod(t, func(p *pod) {
		for _, cfg := range []Config{{Port: 80, To: 40000}, {Port: 80, To: 40001, Order: 1}} {
			r, err := New(cfg)
			require.NoError(t, err)
			defer r.Close()
		}
		want, err := os.ReadFile("testdata/ruleset.txt")
		require.NoError(t, err)
		assert.Equal(t, string(want), p.ruleset())
	})
}

// A kernel before 5.12 refuses the owner flag, as this one does a flag that it
// does not know. What such a process left is replaced by the next.
func TestNetnsWithoutOwnerFlag(t *testing.T) {
	const unknown = 0x4000_0000
	inPod(t, func(p *pod) {
		p.server("app", ":80")
		c, err := dial()
		require.NoError(t, err)
		table := &nftables.Table{Name: "fwd-80-0", Family: nftables.TableFamilyINet}
		t.Log("the kernel says of an unknown flag:", c.add(table, unknown))
		require.NoError(t, c.create(table, unknown))
		require.NoError(t, c.close())
		assert.Contains(t, p.ruleset(), "table inet fwd-80-0", "nobody owns it")
		p.run("nft add chain inet fwd-80-0 output { type nat hook output priority -190; }")
		p.run("nft add rule inet fwd-80-0 output tcp dport 80 redirect to :1")

		p.steal(p.server("thief", ":0"), 0)
		p.wantServed("thief")
		assert.Equal(t, 1, strings.Count(p.ruleset(), "table inet"))
	})
}

// What others in the pod have set up stays, and comes after.
func TestNetnsOthersRulesStay(t *testing.T) {
	inPod(t, func(p *pod) {
		p.server("app", ":80")
		p.server("mesh", ":15006")
		p.run("nft add table ip mesh")
		p.run("nft add chain ip mesh prerouting { type nat hook prerouting priority -100; }")
		p.run("nft add rule ip mesh prerouting tcp dport 80 redirect to :15006")
		before := p.ruleset()
		assert.Equal(t, "mesh", p.open(true, pod4+":80", 0).server)
		r := p.steal(p.server("thief", ":0"), 0)
		assert.Equal(t, "thief", p.open(true, pod4+":80", 0).server)
		require.NoError(t, r.Close())
		assert.Equal(t, before, p.ruleset())
	})
}
