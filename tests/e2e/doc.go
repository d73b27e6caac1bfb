// Package e2e holds the promises that fwd makes, one story each, shown on a
// real kind cluster with real programs. The stories are tests with the build
// tag e2e; `task test:e2e` brings the cluster up and runs them.
package e2e
