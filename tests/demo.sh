#!/usr/bin/env bash
# The commands at work on a sample application, each line printed as it is run
# and followed by what it printed. "task demo" makes the cluster and the
# commands first. The application and the agents stay for you to try more.
set -eu -o pipefail
cd "$(dirname "$0")/.."

bash tests/tools.sh curl
export KUBECONFIG=$PWD/.kind/kubeconfig
export FWD_NAMESPACE=default # the environment may name another one
unset FWD_TARGET FWD_CONTEXT FWD_AGENT_IMAGE
PATH=$PWD/bin:$PATH

# The node has a kubectl, whether or not this machine has one.
kubectl() { docker exec -i fwd-control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf -n default "$@"; }

say() { # each argument is a line
	echo
	printf '# %s\n' "$@"
}

show() { # a command line, as a person would type it
	printf '$ %s\n' "$1"
	bash -c "set -o pipefail; $1"
}

say 'A Deployment and a Service named py-serv, from tests/cluster/py-serv.yaml.'
kubectl apply -f - <tests/cluster/py-serv.yaml
kubectl rollout status deployment/py-serv --timeout 2m
tries=0 # the Service follows a moment later
until kubectl exec deploy/py-serv -- curl -sf -o /dev/null http://py-serv/ 2>/dev/null; do
	[ $((tries += 1)) -lt 60 ]
	sleep 0.5
done

say 'Standard input and output, connected to the Service. There is no agent yet,' \
	'so the first command launches one, in a pod of its own.'
show "printf 'GET / HTTP/1.0\r\n\r\n' | fwd-dial py-serv:80"

say 'Names, as a pod resolves them. From here on the agent is there.'
show 'fwd-resolve py-serv'
show 'fwd-resolve --type SRV _http._tcp.py-serv'

say "A local port, connected from inside the application's own pod: there" \
	'localhost is the application.'
routes=$(mktemp)
printf '$ %s\n' 'fwd-dial -t deploy/py-serv -L 0:localhost:80 &'
fwd-dial -t deploy/py-serv -L 0:localhost:80 >"$routes" &
dial=$!
trap 'kill "$dial" 2>/dev/null || true; rm -f "$routes"' EXIT
until [ -s "$routes" ]; do
	kill -0 "$dial" # it has failed, and said why
	sleep 0.1
done
cat "$routes"
read -r address _ <"$routes"
show "curl -sS http://$address/"
kill -INT "$dial"
wait "$dial" || true

say 'Agents serve many commands and end by themselves after 5 minutes without one.'
show 'fwd-agent ls'

say 'To go on by hand:'
echo "export KUBECONFIG=$KUBECONFIG PATH=$PWD/bin:\$PATH"
