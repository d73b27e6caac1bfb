package flags

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/pkg/fwd"
	"github.com/fwdtools/fwd/pkg/wire"
)

func TestExplainsCaptures(t *testing.T) {
	refused := func(code wire.Code) error {
		return &fwd.ListenError{Mode: wire.Steal, Port: 80, Err: &fwd.ResetError{Code: code}}
	}
	for _, tt := range []struct {
		err  error
		code int
		hint string
	}{
		{refused(wire.AddrInUse), cli.ExitNetwork, "wait until it is given back"},
		{refused(wire.NotPermitted), cli.ExitCluster, "NET_ADMIN"},
		{refused(wire.Unsupported), cli.ExitAgent, "fwd-agent stop"},
		{refused(wire.InternalError), cli.ExitNetwork, ""},
		{&fwd.ListenError{Err: errors.New("session ended")}, cli.ExitNetwork, ""},
	} {
		code, hint := Explain(tt.err)
		assert.Equal(t, tt.code, code, "%v", tt.err)
		assert.Contains(t, hint, tt.hint, "%v", tt.err)
		assert.Equal(t, tt.hint == "", hint == "", "%v", tt.err)
	}
}
