// Package rules holds what STYLE says about the whole tree, as tests: which
// package may know which, and how big the commands are. A failure gives the
// reason; who has a better one changes the rule in the same commit.
package rules

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module = "github.com/fwdtools/fwd/"
	root   = "../.."
)

// pkg is what go list says of a package.
type pkg struct {
	ImportPath string
	Standard   bool
	Imports    []string // direct
	Deps       []string // direct or not
}

// name is the path within our module.
func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module) }

// list returns all packages that the commands, pkg and internal are made of,
// by path.
func list(t *testing.T) map[string]pkg {
	t.Helper()
	watch(t)
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports,Deps", "./cmd/...", "./internal/...", "./pkg/...")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	pkgs := make(map[string]pkg)
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		require.NoError(t, err)
		pkgs[p.ImportPath] = p
	}
}

// watch looks at the source: go test keeps a result for as long as nothing
// that the test itself has looked at changes.
func watch(t *testing.T) {
	t.Helper()
	_, err := os.Stat(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	for _, dir := range []string{"cmd", "internal", "pkg"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(string, os.DirEntry, error) error { return nil })
		require.NoError(t, err)
	}
}

// own returns our packages in order.
func own(pkgs map[string]pkg) []pkg {
	var out []pkg
	for _, p := range pkgs {
		if strings.HasPrefix(p.ImportPath, module) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b pkg) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	return out
}

// arrow says which packages of ours a package may import, and why no others.
type arrow struct {
	from string
	to   []string
	why  string
}

// arrows point one way: cmd → pkg/fwd → launch → kube, pkg/fwd → link,
// pkg/fwd and agent → session → pkg/wire.
var arrows = []arrow{
	{"pkg/wire", nil, "the codec is for other implementers to copy, so it is complete in itself"},
	{"internal/version", nil, "everything may ask for the version, so it asks for nothing"},
	{"internal/route", nil, "it reads what people type and opens nothing"},
	{"internal/dns", nil, "it knows DNS; who carries the messages is not its business"},
	{"internal/relay", nil, "it joins any two connections"},
	{"internal/stdio", []string{"internal/relay"}, "it is one end of a relay"},
	{"internal/forward", []string{"internal/relay", "internal/route"}, "what dials is given to it, with an agent or without one"},
	{"internal/session", []string{"pkg/wire"}, "it runs on any byte stream, and does not know what streams are for"},
	{"internal/kube", nil, "it reads the cluster; agents are launch's business"},
	{"internal/cork", nil, "it gathers bytes, whatever they are"},
	{"internal/pinned", []string{"internal/cork"}, "it knows keys; whose they are is not its business"},
	{"internal/launch", []string{"internal/kube"}, "how an agent is reached and spoken to is given to it as a function"},
	{"internal/link", []string{"internal/cork", "internal/kube"}, "it carries bytes whose meaning is session's business"},
	{"internal/claim", nil, "it knows who has a port, and does nothing to the port"},
	{"internal/nft", nil, "it makes rules; who may have a port and what becomes of callers is not its business"},
	{"internal/sockets", nil, "it asks the kernel about sockets, whoever has them"},
	{"internal/tap", nil, "it copies packets; what is in them and who wants them is not its business"},
	{"internal/enter", nil, "it finds a container's namespaces on a node; what is done there is the agent's business"},
	{"internal/httpfilter", []string{"pkg/wire"}, "it decides on heads, and reads no connection"},
	{"internal/http2split", []string{"internal/httpfilter", "internal/relay"}, "where the two sides are is given to it as functions"},
	{"internal/httpsplit", []string{"internal/http2split", "internal/httpfilter", "internal/relay"}, "where the two sides are is given to it as functions"},
	{"internal/capture", []string{"internal/httpfilter", "internal/httpsplit", "internal/relay", "pkg/wire"},
		"it is the policy; rules, packets and sessions are given to it"},
	{"internal/agent", []string{"internal/capture", "internal/claim", "internal/dns", "internal/httpfilter", "internal/nft", "internal/pinned", "internal/relay",
		"internal/session", "internal/sockets", "internal/tap", "pkg/wire"}, "it runs in the pod and knows nothing of Kubernetes"},
	{"internal/cli", []string{"internal/version"}, "fwd-agentd uses it too, so it knows nothing of clusters"},
	{"pkg/fwd", []string{"internal/dns", "internal/kube", "internal/launch", "internal/link", "internal/pinned", "internal/session", "internal/version", "pkg/wire"},
		"the Go API prints nothing and reads no flags"},
	{"internal/netnstest", nil, "it is for tests"},
	{"internal/transcript", nil, "it writes down what passes; who captured it is not its business"},
	{"internal/mirrord", []string{"internal/httpfilter", "pkg/wire"}, "it reads another tool's file"},
	{"internal/deliver", []string{"internal/relay", "pkg/fwd", "pkg/wire"}, "it answers captures; how one is done is the agent's business"},
	{"internal/flags", []string{"internal/cli", "internal/deliver", "internal/dns", "internal/httpfilter", "internal/kube", "internal/launch", "internal/mirrord",
		"internal/session", "pkg/fwd", "pkg/wire"},
		"it makes a fwd.Config of flags and sentences of errors, and does no work"},
	{"cmd/fwd-agent", []string{"internal/cli", "internal/deliver", "internal/flags", "internal/forward", "internal/relay", "internal/route", "pkg/fwd", "pkg/wire"}, laptop},
	{"cmd/fwd-listen", []string{"internal/cli", "internal/deliver", "internal/flags", "internal/relay", "internal/route", "internal/stdio", "internal/transcript", "pkg/fwd", "pkg/wire"}, laptop},
	{"cmd/fwd-dial", []string{"internal/cli", "internal/flags", "internal/forward", "internal/relay", "internal/route", "internal/stdio", "pkg/fwd"}, laptop},
	{"cmd/fwd-resolve", []string{"internal/cli", "internal/dns", "internal/flags", "internal/route", "pkg/fwd"}, laptop},
	{"cmd/fwd-agentd", []string{"internal/agent", "internal/cli", "internal/enter", "internal/version"}, "what runs in other people's pods is small"},
}

const laptop = "a command reaches the cluster through pkg/fwd, so that Go programs can do whatever it does"

func TestArrowsPointOneWay(t *testing.T) {
	for _, p := range own(list(t)) {
		i := slices.IndexFunc(arrows, func(a arrow) bool { return a.from == p.name() })
		if i < 0 {
			t.Errorf("%s is new: say in tests/rules what it may import, and why no more", p.name())
			continue
		}
		for _, path := range p.Imports {
			name, ours := strings.CutPrefix(path, module)
			if ours && !slices.Contains(arrows[i].to, name) {
				t.Errorf("%s imports %s: %s", p.name(), name, arrows[i].why)
			}
		}
	}
}

// keeper says which of our packages may import an outside package.
type keeper struct {
	outside string   // what its path begins with
	by      []string // what paths of ours begin with
	why     string
}

var keepers = []keeper{
	{"k8s.io/", []string{"internal/kube", "internal/launch", "internal/link", "pkg/fwd"},
		"one package reads the cluster, one writes, one carries bytes; pkg/fwd names a pull policy and no more"},
	{"k8s.io/client-go/kubernetes", nil, "the typed clientset doubles the size of a command and its start time"},
	{"github.com/alecthomas/kong", []string{"cmd/", "internal/cli"},
		"arguments become plain values in a command; below it nothing knows of flags"},
	{"github.com/rs/zerolog", []string{"cmd/fwd-agentd", "internal/agent", "internal/cli", "internal/deliver", "internal/flags", "internal/forward", "internal/kube", "internal/launch", "internal/link", "pkg/fwd"},
		"leaf packages return errors; engines log, through their Config"},
	{"github.com/gofrs/flock", []string{"internal/launch"}, "only agents' records are shared between processes"},
	{"github.com/gorilla/websocket", []string{"internal/link"}, "how bytes travel is link's business"},
	{"github.com/google/nftables", []string{"internal/nft"}, "one package makes rules"},
	{"github.com/mdlayher/netlink", []string{"internal/nft", "internal/sockets"}, "what speaks netlink is used by the agent only"},
	{"github.com/gopacket/gopacket", []string{"internal/tap", "internal/transcript"}, "packets are read by one package and written by one"},
	{"golang.org/x/net/bpf", []string{"internal/tap"}, "one package has a filter in the kernel"},
	{"github.com/dlclark/regexp2", []string{"internal/httpfilter"}, "expressions that may take for ever are bounded in one place"},
	{"github.com/pires/go-proxyproto", []string{"internal/deliver"}, "the caller's address is written in one place"},
	{"github.com/pelletier/go-toml", []string{"internal/mirrord"}, "one package reads another tool's file"},
	{"github.com/stretchr/testify", []string{"internal/netnstest"}, "it is for tests"},
}

func TestOutsidePackagesHaveTheirPlace(t *testing.T) {
	for _, p := range own(list(t)) {
		for _, path := range p.Imports {
			for _, k := range keepers {
				may := slices.ContainsFunc(k.by, func(by string) bool { return strings.HasPrefix(p.name(), by) })
				if strings.HasPrefix(path, k.outside) && !may {
					t.Errorf("%s imports %s: %s", p.name(), path, k.why)
				}
			}
		}
	}
}

func TestAgentLinksNoKubernetes(t *testing.T) {
	for _, dep := range list(t)[module+"cmd/fwd-agentd"].Deps {
		if strings.HasPrefix(dep, "k8s.io/") || strings.HasPrefix(dep, "sigs.k8s.io/") {
			t.Errorf("fwd-agentd links %s: it is pulled onto nodes and runs in other people's pods, "+
				"where it asks nothing of the API server", dep)
		}
	}
}

func TestWireIsStandardLibraryOnly(t *testing.T) {
	pkgs := list(t)
	for _, dep := range pkgs[module+"pkg/wire"].Deps {
		if !pkgs[dep].Standard {
			t.Errorf("pkg/wire depends on %s: other implementers copy it, so it needs the standard library only", dep)
		}
	}
}
