#!/usr/bin/env bash
# See that programs which people use fwd with are here:
#
#	tests/tools.sh             all that the end-to-end stories need
#	tests/tools.sh curl ssh    these
#
# On Debian and Ubuntu, as root, what is missing is installed. Elsewhere one
# line says what to install, and the exit code is 1.
set -eu -o pipefail

package() { # of a program, in Debian
	case $1 in
	ssh | scp | ssh-keygen) echo openssh-client ;;
	psql) echo postgresql-client ;;
	redis-cli) echo redis-tools ;;
	dig) echo bind9-dnsutils ;;
	nft) echo nftables ;;
	ip) echo iproute2 ;;
	*) echo "$1" ;;
	esac
}

here() {
	case $1 in
	psql) psql --version >/dev/null 2>&1 ;; # Debian's may be a wrapper around nothing
	*) command -v "$1" >/dev/null ;;
	esac
}

[ $# -gt 0 ] || set -- ssh scp ssh-keygen socat curl psql redis-cli dig tcpdump

missing=()
for program in "$@"; do
	here "$program" || missing+=("$(package "$program")")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "tools: please install what is missing (Debian's names): ${missing[*]}" >&2
	exit 1
fi
echo "tools: installing ${missing[*]} (once, about half a minute)" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
	tail -n 20 "$log" >&2
	exit 1
fi
