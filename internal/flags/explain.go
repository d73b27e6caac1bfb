package flags

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/dns"
	"github.com/fwdtools/fwd/internal/kube"
	"github.com/fwdtools/fwd/internal/launch"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/fwd"
	"github.com/fwdtools/fwd/pkg/wire"
)

// Explain finds the exit code of an error and what the person at the prompt
// can do about it; "" if there is nothing to add.
func Explain(err error) (code int, hint string) {
	var (
		target    *kube.TargetError
		namespace *kube.NamespaceError
		agent     *launch.Error
		reset     *session.ResetError
		version   *wire.VersionError
		lookup    *dns.LookupError
		forbidden *kube.ForbiddenError
		listen    *fwd.ListenError
	)
	switch {
	case errors.As(err, &listen) && errors.As(listen.Err, &reset):
		return listenHint(reset.Code)
	case errors.As(err, &target), errors.As(err, &namespace):
		return cli.ExitUsage, ""
	case errors.As(err, &forbidden):
		return cli.ExitCluster, forbiddenHint(forbidden)
	case kube.Refused(err):
		return cli.ExitCluster, refusedHint(err)
	case errors.As(err, &agent):
		return cli.ExitAgent, agentHint(agent)
	case errors.As(err, &version):
		return cli.ExitAgent, "stop the old agent with fwd-agent stop, or use an image of this program's version"
	case errors.As(err, &lookup) && errors.Is(err, dns.ErrNotExist), errors.As(err, &reset) && reset.Code == wire.NoSuchHost:
		return cli.ExitNoName, "names are looked up in the pod; try NAME.NAMESPACE for a Service of another namespace"
	case errors.Is(err, dns.ErrNoData):
		return cli.ExitNoName, ""
	case errors.Is(err, dns.ErrBadName):
		return cli.ExitUsage, ""
	case errors.Is(err, syscall.EADDRINUSE):
		return cli.ExitNetwork, "choose another local port, or 0 to have one chosen"
	case errors.Is(err, fs.ErrPermission) && isBind(err):
		return cli.ExitNetwork, "ports below 1024 are root's; choose a higher local port"
	}
	return cli.ExitNetwork, ""
}

// listenHint is about a capture that the agent refused.
func listenHint(code wire.Code) (int, string) {
	switch code {
	case wire.AddrInUse:
		return cli.ExitNetwork, "wait until it is given back; with a filter, such as --http-header, several can share a port"
	case wire.NotPermitted, wire.AccessDenied:
		return cli.ExitCluster, "to mirror, the agent's container needs the capability NET_RAW, to steal NET_ADMIN"
	case wire.Unsupported:
		return cli.ExitAgent, "stop the old agent with fwd-agent stop, or use an image of this program's version"
	}
	return cli.ExitNetwork, ""
}

// isBind tells that err is about a local port.
func isBind(err error) bool {
	var call *os.SyscallError
	return errors.As(err, &call) && call.Syscall == "bind"
}

func forbiddenHint(e *kube.ForbiddenError) string {
	resource := e.RoleResource()
	group := e.Group
	if group == "" {
		group = `""`
	}
	return fmt.Sprintf("a Role must allow %s on %s (apiGroup %s) in namespace %s; docs/rbac.md has the whole Role",
		e.Verb, resource, group, e.Namespace)
}

func refusedHint(err error) string {
	var (
		config      *kube.ConfigError
		unreachable *kube.UnreachableError
		auth        *kube.UnauthorizedError
		notFound    *kube.NotFoundError
		notReady    *kube.NotReadyError
		notRunning  *kube.NotRunningError
		hostNetwork *kube.HostNetworkError
		privileges  *launch.PrivilegesError
		admission   *kube.AdmissionError
	)
	switch {
	case errors.As(err, &hostNetwork):
		return "name a pod that has a network of its own, such as -t pod/NAME"
	case errors.As(err, &privileges):
		return privilegesHint
	case errors.As(err, &config):
		return "see that kubectl works with the same --kubeconfig and --context"
	case errors.As(err, &unreachable):
		return "is the cluster up, and the right context chosen? kubectl cluster-info asks the same server"
	case errors.As(err, &auth):
		return "log in to the cluster again"
	case errors.As(err, &notFound):
		return "-n chooses the namespace"
	case errors.As(err, &notReady):
		return "wait until it is rolled out, or name a pod: -t pod/NAME"
	case errors.As(err, &notRunning):
		return "name a pod that runs, or what owns it, such as -t deploy/NAME"
	case errors.As(err, &admission):
		return admissionHint(admission)
	}
	return ""
}

const privilegesHint = "Pod Security or a webhook of the namespace refuses the capability, not RBAC; " +
	"whoever may run privileged pods can use --placement node, with --agent-namespace a namespace that takes them"

func admissionHint(e *kube.AdmissionError) string {
	const who = "RBAC permits it, but Pod Security, a quota or a webhook of the namespace does not; "
	if e.Resource == "pods" {
		return who + "fwd-dial --no-agent adds nothing to the pod"
	}
	return who + "with a target, -t, the agent needs no pod of its own"
}

func agentHint(e *launch.Error) string {
	switch e.Reason {
	case launch.ReasonImage:
		return "give an image that the cluster can pull, with --agent-image or FWD_AGENT_IMAGE"
	case launch.ReasonUnschedulable:
		return "give what the nodes ask for, such as --agent-toleration, or a target: -t"
	case launch.ReasonNoPod:
		if e.OnNode {
			return "an agent on the node is a privileged pod; --agent-namespace names a namespace that takes one"
		}
		return "with a target, -t, the agent needs no pod of its own"
	case launch.ReasonContainer, launch.ReasonExited:
		if e.OnNode {
			return "" // it says what the node does not let it do
		}
		return "is " + e.Image + " the agent's image? --agent-image or FWD_AGENT_IMAGE gives another"
	case launch.ReasonTimeout:
		return "give it more time with --agent-start-timeout"
	}
	return ""
}
