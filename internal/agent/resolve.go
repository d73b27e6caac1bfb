package agent

import (
	"context"
	"fmt"

	"github.com/fwdtools/fwd/internal/dns"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// resolve answers the DNS messages of st from the pod's resolver, with or
// without its search list.
func (a *Agent) resolve(ctx context.Context, st *session.Stream) error {
	search := st.Address() == "search"
	if !search && st.Address() != "absolute" {
		st.Reset(wire.Unsupported, fmt.Sprintf("this agent cannot resolve %q", st.Address()))
		return nil
	}
	st.Accept(st.Address())
	return dns.ServeStream(ctx, st, func(ctx context.Context, query []byte) ([]byte, error) {
		return a.resolver.Exchange(ctx, query, search)
	})
}
