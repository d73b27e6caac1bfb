#!/usr/bin/env bash
# Run every fuzz target of the module for a while, one after the other: go test
# takes one at a time.
set -eu -o pipefail
cd "$(dirname "$0")/.."
time=${1:-30s}

go list ./cmd/... ./internal/... ./pkg/... | while read -r package; do
	{ go test -list '^Fuzz' "$package" </dev/null | grep '^Fuzz' || true; } | while read -r target; do
		echo "$package $target"
		# Minimizing what is merely new would take most of the time.
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1x "$package" </dev/null
	done
done
