package flags

import (
	"fmt"

	"github.com/fwdtools/fwd/pkg/fwd"
)

// ProbeWarning says what stealing a port does to a probe, and what can be done
// about it.
func ProbeWarning(port uint16, p fwd.Probe) string {
	s := fmt.Sprintf("%v on port %d will be answered by the local process", p, port)
	if p.Pattern != "" {
		s += fmt.Sprintf("; --not-http-path '%s' leaves it to the pod", p.Pattern)
	}
	return s
}
