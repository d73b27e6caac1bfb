package kube

import (
	"fmt"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/api/validate/content"
)

// Target is what a person named with -t. The zero value is targetless: no pod
// was named, the agent gets a pod of its own.
type Target struct {
	Kind      Kind
	Name      string            // empty for labels
	Labels    map[string]string // only with KindLabel
	Container string            // empty: the pod's default container
}

// ParseTarget reads
//
//	[kind/]name[/container/name]
//	label/key=value[,key=value...][/container/name]
//
// where a name without a kind is a pod. Kinds go by their singular, plural and
// short names. The empty string is targetless. Errors are *TargetError.
func ParseTarget(arg string) (Target, error) {
	t, problem := parseTarget(arg)
	if problem != "" {
		return Target{}, &TargetError{Arg: arg, Problem: problem}
	}
	return t, nil
}

// IsZero reports whether t is targetless.
func (t Target) IsZero() bool { return t.Kind.Name == "" }

// String is the target in the form that ParseTarget reads, with the kind's
// singular name; empty when targetless.
func (t Target) String() string {
	if t.IsZero() {
		return ""
	}
	s := t.Kind.Name + "/" + t.Name + labelText(t.Labels)
	if t.Container != "" {
		s += "/container/" + t.Container
	}
	return s
}

// WithContainer returns t with the container that -c named. It is an error to
// name another one than t does, or any without a target.
func (t Target) WithContainer(name string) (Target, error) {
	bad := func(problem string) (Target, error) {
		return Target{}, &TargetError{Arg: name, Problem: problem}
	}
	switch {
	case name == "":
		return t, nil
	case t.IsZero():
		return bad("a container needs a target")
	case t.Container != "" && t.Container != name:
		return bad(fmt.Sprintf("the target already names container %q", t.Container))
	}
	if problem := checkContainer(name); problem != "" {
		return bad(problem)
	}
	t.Container = name
	return t, nil
}

func parseTarget(arg string) (t Target, problem string) {
	if arg == "" {
		return Target{}, ""
	}
	first, rest, hasKind := strings.Cut(arg, "/")
	kind, known := lookupKind(first)
	switch {
	case !hasKind:
		kind, rest = KindPod, arg
	case !known && strings.HasPrefix(rest, containerWord):
		// name/container/c: a bare pod name with a container.
		kind, rest = KindPod, arg
	case !known:
		return Target{}, unknownKind(first)
	}

	name, container, problem := cutContainer(kind, rest)
	if problem != "" {
		return Target{}, problem
	}
	t = Target{Kind: kind, Container: container}
	if kind.Name == KindLabel.Name {
		t.Labels, problem = parseLabels(name)
		return t, problem
	}
	t.Name = name
	return t, checkName(kind, name)
}

const containerWord = "container/"

// cutContainer splits off /container/c. A label's key may hold a slash of its
// own (app.kubernetes.io/name=web), its value cannot, so there the search
// begins at the last equals sign.
func cutContainer(kind Kind, s string) (name, container, problem string) {
	from := 0
	if kind.Name == KindLabel.Name {
		from = strings.LastIndex(s, "=") + 1
	}
	slash := strings.Index(s[from:], "/")
	if slash < 0 {
		return s, "", ""
	}
	name, tail := s[:from+slash], s[from+slash+1:]
	container, ok := strings.CutPrefix(tail, containerWord)
	if !ok {
		return "", "", fmt.Sprintf("after %q only /container/NAME may follow", name)
	}
	return name, container, checkContainer(container)
}

func checkName(kind Kind, name string) string {
	if name == "" {
		return "the name of the " + kind.Name + " is missing"
	}
	if errs := content.IsDNS1123Subdomain(name); len(errs) > 0 {
		return fmt.Sprintf("%q cannot be the name of a %s: %s", name, kind, errs[0])
	}
	return ""
}

func checkContainer(name string) string {
	if name == "" {
		return "the name of the container is missing"
	}
	if errs := content.IsDNS1123Label(name); len(errs) > 0 {
		return fmt.Sprintf("%q cannot be the name of a container: %s", name, errs[0])
	}
	return ""
}

func unknownKind(name string) string {
	if near := likelyKind(name); near != "" {
		return fmt.Sprintf("unknown kind %q, did you mean %s?", name, near)
	}
	return fmt.Sprintf("unknown kind %q, use one of %s", name, knownKinds())
}

func parseLabels(s string) (map[string]string, string) {
	if s == "" {
		return nil, "the labels are missing, as in label/app=web"
	}
	labels := map[string]string{}
	for pair := range strings.SplitSeq(s, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Sprintf("%q is not key=value", pair)
		}
		if errs := content.IsLabelKey(key); len(errs) > 0 {
			return nil, fmt.Sprintf("%q cannot be a label's key: %s", key, errs[0])
		}
		if errs := content.IsLabelValue(value); len(errs) > 0 {
			return nil, fmt.Sprintf("%q cannot be a label's value: %s", value, errs[0])
		}
		if old, twice := labels[key]; twice && old != value {
			return nil, fmt.Sprintf("label %q has two values", key)
		}
		labels[key] = value
	}
	return labels, ""
}

func labelText(labels map[string]string) string {
	var pairs []string
	for k, v := range labels {
		pairs = append(pairs, k+"="+v)
	}
	sort.Strings(pairs)
	return strings.Join(pairs, ",")
}
