// Package launch puts agents into a cluster and finds them again: the one
// package that changes anything there. What it writes, and nothing else:
//
//	patch  pods/ephemeralcontainers   an agent for a target
//	create jobs                       an agent without one, or on its node
//	delete jobs                       after a failed launch, and to stop an agent
//
// docs/rbac.md has the Roles. Which pod a target means is internal/kube's
// business; how bytes reach the agent internal/link's, and what they say
// internal/session's: the caller passes a function that connects.
package launch
