package launch

import (
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ours is a record of an agent in the cluster of l.
func ours(l *Launcher, name string) record {
	r := someRecord()
	r.Cluster, r.Container, r.PodUID = l.cluster.ID(), name, "uid-"+name
	return r
}

func TestRememberChangesOneRecord(t *testing.T) {
	l := newWorld(t).launcher(t)
	a, b := ours(l, "a"), ours(l, "b")
	elsewhere := a
	elsewhere.Cluster = "https://elsewhere#00"
	for _, r := range []record{a, b, elsewhere} {
		require.NoError(t, l.store.save(r))
	}
	second := SecondLink{Port: 61001, Key: []byte("key"), Failed: "the cat"}
	require.NoError(t, l.Remember(a.agent(), second))
	got, ok := l.store.load(a.key())
	require.True(t, ok)
	assert.Equal(t, second, got.agent().Second)
	got.Second = SecondLink{}
	assert.Equal(t, a, got, "the rest stays")
	for _, r := range []record{b, elsewhere} {
		got, ok := l.store.load(r.key())
		require.True(t, ok)
		assert.Equal(t, r, got)
	}

	second.Failed = ""
	require.NoError(t, l.Remember(a.agent(), second))
	got, _ = l.store.load(a.key())
	assert.Equal(t, second, got.Second)
}

func TestRememberWritesOnlyNews(t *testing.T) {
	l := newWorld(t).launcher(t)
	r := ours(l, "a")
	r.Second = SecondLink{Port: 61001, Key: []byte("key")}
	require.NoError(t, l.store.save(r))
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	require.NoError(t, os.Chtimes(l.store.path(r.key()), old, old))
	require.NoError(t, l.Remember(r.agent(), r.Second))
	info, err := os.Stat(l.store.path(r.key()))
	require.NoError(t, err)
	assert.True(t, info.ModTime().Equal(old), "it was written")
}

func TestRememberOfAnAgentThatWasForgotten(t *testing.T) {
	l := newWorld(t).launcher(t)
	old, young := ours(l, "a"), ours(l, "a")
	young.Container = "b"
	require.Equal(t, old.key(), young.key())
	require.NoError(t, l.store.save(young))
	require.NoError(t, l.Remember(old.agent(), SecondLink{Port: 61001}))
	assert.Equal(t, []record{young}, l.store.all())
	l.store.drop(young)
	require.NoError(t, l.Remember(young.agent(), SecondLink{Port: 61001}))
	assert.Empty(t, l.store.all(), "it does not come back")
}

// A command that remembers something of an agent while another one launches the
// next must not write the old record over the new.
func TestRememberDoesNotReplaceALaterLaunch(t *testing.T) {
	w := newWorld(t)
	a, b := w.launcher(t), w.launcher(t)
	for range 100 {
		old, young := ours(a, "old"), ours(a, "old")
		young.Container = "young"
		require.NoError(t, a.store.save(old))
		var both sync.WaitGroup
		both.Go(func() { assert.NoError(t, a.Remember(old.agent(), SecondLink{Port: 61001})) })
		both.Go(func() {
			b.store.drop(old)
			assert.NoError(t, b.store.save(young))
		})
		both.Wait()
		got, ok := a.store.load(young.key())
		require.True(t, ok)
		require.Equal(t, young, got)
	}
}

func TestWhoRemembersTogetherLosesNothing(t *testing.T) {
	w := newWorld(t)
	names := []string{"a", "b", "c", "d"}
	for _, name := range names {
		l := w.launcher(t)
		require.NoError(t, l.store.save(ours(l, name)))
	}
	var all sync.WaitGroup
	for i, name := range names {
		l := w.launcher(t)
		all.Go(func() { assert.NoError(t, l.Remember(ours(l, name).agent(), SecondLink{Port: 61001 + i})) })
	}
	all.Wait()
	for i, name := range names {
		l := w.launcher(t)
		r, ok := l.store.load(ours(l, name).key())
		require.True(t, ok)
		assert.Equal(t, SecondLink{Port: 61001 + i}, r.Second, name)
	}
}

func TestSecondLink(t *testing.T) {
	known := SecondLink{Port: 61001, Key: []byte("key")}
	assert.True(t, known.Known())
	assert.False(t, SecondLink{}.Known())
	assert.False(t, SecondLink{Failed: "x"}.Known())
	assert.True(t, known.Equal(SecondLink{Port: 61001, Key: []byte("key")}))
	for _, o := range []SecondLink{{}, {Port: 61002, Key: known.Key}, {Port: 61001}, {Port: 61001, Key: known.Key, Failed: "x"}} {
		assert.False(t, known.Equal(o), "%v", o)
	}
}
