#!/usr/bin/env bash
# Run the tests that live in network namespaces of their own, as root on Linux.
# Elsewhere they skip; each says why. In CI (CI=true) a skip is a failure.
set -eu -o pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" != 0 ] || bash tests/tools.sh nft ip
log=$(mktemp)
trap 'rm -f "$log"' EXIT

packages=$(grep -rl --include='*_test.go' '^func TestNetns' internal | xargs -n 1 dirname | sort -u | sed 's|^|./|')
# shellcheck disable=SC2086 # one argument each
if ! go test -race -tags netns -run '^TestNetns' -skip '^TestNetnsHelper$' -v $packages >"$log" 2>&1; then
	cat "$log"
	exit 1
fi
grep -E '^(ok|FAIL)' "$log"
if grep -A 1 -E '^ *--- SKIP' "$log" && [ "${CI:-}" = true ]; then
	echo 'netns: these tests did not run, and in CI all must' >&2
	exit 1
fi
