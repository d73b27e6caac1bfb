package fwd

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fwdtools/fwd/internal/kube"
)

func TestFollowerLook(t *testing.T) {
	complaints := 0
	f := follower{log: func(error) { complaints++ }}
	for _, tt := range []struct {
		what string
		now  []kube.Replica
		err  error
		want []string
		news bool
	}{
		{"the first look", []kube.Replica{{Name: "b", UID: "2", Ready: true}, {Name: "a", UID: "1", Ready: true}, {Name: "c", UID: "3"}}, nil, []string{"a", "b"}, true},
		{"the same", []kube.Replica{{Name: "a", UID: "1", Ready: true}, {Name: "b", UID: "2", Ready: true}}, nil, []string{"a", "b"}, false},
		{"one that is not ready any more stays", []kube.Replica{{Name: "a", UID: "1"}, {Name: "b", UID: "2", Ready: true}}, nil, []string{"a", "b"}, false},
		{"no answer", nil, errors.New("no"), []string{"a", "b"}, false},
		{"nor now", nil, errors.New("no"), []string{"a", "b"}, false},
		{"one that is gone leaves, another comes", []kube.Replica{{Name: "b", UID: "2", Ready: true}, {Name: "c", UID: "3", Ready: true}}, nil, []string{"b", "c"}, true},
		{"one that came back under its name is not ready yet", []kube.Replica{{Name: "b", UID: "4"}, {Name: "c", UID: "3"}}, nil, []string{"c"}, true},
		{"none", nil, nil, nil, true},
		{"none still", nil, nil, nil, false},
	} {
		names, news := f.look(tt.now, tt.err)
		assert.Equal(t, tt.want, names, tt.what)
		assert.Equal(t, tt.news, news, tt.what)
	}
	assert.Equal(t, 1, complaints, "the same again is no news")
}
