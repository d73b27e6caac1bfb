package httpfilter

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

func TestMatch(t *testing.T) {
	r := &Request{Method: "GET", Path: "/api/x?q=1", Fields: []Field{
		{"Host", "web"}, {"X-User", "malice"}, {"x-user", "alice"}, {"Accept", ""},
	}}
	header := func(name, value string) wire.Filter {
		return wire.Filter{Header: &wire.HeaderFilter{Name: name, Value: value}}
	}
	not := func(f wire.Filter) wire.Filter { return wire.Filter{Not: &f} }
	for _, tt := range []struct {
		name   string
		filter wire.Filter
		want   bool
	}{
		{"a field, whatever its name's case", header("X-USER", "^alice$"), true},
		{"a field's value has a case", header("x-user", "^Alice$"), false},
		{"one of several fields of a name is enough", header("x-user", "^malice$"), true},
		{"a pattern is found anywhere", header("x-user", "lic"), true},
		{"no such field", header("x-group", "."), false},
		{"a field without a value", header("accept", "^$"), true},
		{"a field without a value is no field with one", header("accept", "."), false},
		{"the path has the query", wire.Filter{Path: `q=1$`}, true},
		{"the path begins where it begins", wire.Filter{Path: `^/x`}, false},
		{"a method, whatever its case", wire.Filter{Method: "get"}, true},
		{"another method", wire.Filter{Method: "GETS"}, false},
		{"a whole line, whatever its case", wire.Filter{HeaderLine: `^x-USER: ALICE$`}, true},
		{"a line that is not there", wire.Filter{HeaderLine: `^user`}, false},
		{"look ahead", wire.Filter{HeaderLine: `^x-user: (?!m)`}, true},
		{"look ahead in vain", wire.Filter{Path: `^/api(?!/x)`}, false},
		{"look behind", wire.Filter{Path: `(?<=api)/x`}, true},
		{"not", not(wire.Filter{Method: "GET"}), false},
		{"not of what is not there", not(header("x-group", ".")), true},
		{"all", wire.Filter{All: []wire.Filter{{Method: "GET"}, {Path: "^/api"}}}, true},
		{"all but one", wire.Filter{All: []wire.Filter{{Method: "GET"}, {Path: "^/web"}}}, false},
		{"any", wire.Filter{Any: []wire.Filter{{Method: "PUT"}, {Path: "^/api"}}}, true},
		{"none of any", wire.Filter{Any: []wire.Filter{{Method: "PUT"}, {Path: "^/web"}}}, false},
		{"lists in lists", wire.Filter{All: []wire.Filter{not(wire.Filter{Any: []wire.Filter{{Method: "PUT"}}}), header("host", ".")}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Compile(&tt.filter)
			require.NoError(t, err)
			assert.Equal(t, tt.want, f.Match(r))
		})
	}
	assert.True(t, (*Filter)(nil).Match(r))
}

func TestCompileSaysWhatIsBroken(t *testing.T) {
	for _, tt := range []struct {
		filter wire.Filter
		want   string
	}{
		{wire.Filter{Path: "["}, `path: regular expression "["`},
		{wire.Filter{Header: &wire.HeaderFilter{Name: "x-user", Value: "(a"}}, `header x-user: regular expression "(a"`},
		{wire.Filter{Not: &wire.Filter{All: []wire.Filter{{Method: "GET"}, {HeaderLine: "a**"}}}}, `header: regular expression "(?i)a**"`},
		{wire.Filter{Any: []wire.Filter{}}, "empty list"},
		{wire.Filter{}, "without a condition"},
	} {
		_, err := Compile(&tt.filter)
		assert.ErrorContains(t, err, tt.want)
	}
}

// A caller must not be able to keep the agent busy.
func TestRequestThatTakesTooLongIsNotMeant(t *testing.T) {
	slow := wire.Filter{Path: `^(?=a)(a+)+$`}
	begin := time.Now()
	for _, filter := range []wire.Filter{slow, {Not: &slow}} {
		f, err := Compile(&filter)
		require.NoError(t, err)
		assert.False(t, f.Match(&Request{Path: strings.Repeat("a", 5000) + "b"}))
	}
	assert.Less(t, time.Since(begin), 20*matchTime)
}
