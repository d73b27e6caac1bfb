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

# called waits until a command says on stderr that it is ready, and calls py-serv
# from inside the cluster.
called() { # PID STDERR [curl arguments]
	until grep -q '^fwd-listen: ready' "$2"; do
		kill -0 "$1" # it has failed, and said why
		sleep 0.1
	done
	shift 2
	printf '$ kubectl exec deploy/py-serv -- curl -sS%s http://py-serv/\n' "${*:+ ${*@Q}}"
	kubectl exec deploy/py-serv -c py-serv -- curl -sS "$@" http://py-serv/
}

say 'A copy of what reaches the port of the pod, which answers as before. One' \
	'connection, as nc -l has it.'
heard=$(mktemp) said=$(mktemp)
trap 'kill "$listen" 2>/dev/null || true; rm -f "$routes" "$heard" "$said"' EXIT
printf '$ %s\n' 'fwd-listen -t deploy/py-serv 80 &'
fwd-listen -t deploy/py-serv 80 >"$heard" 2> >(tee "$said" >&2) &
listen=$!
called "$listen" "$said"
wait "$listen"
cat "$heard"

say 'Requests that match are stolen: a local command answers them, the pod all' \
	'others.'
answer='HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nhello from here\n'
printf '$ %s\n' "fwd-listen --steal --http-header 'x-user: ^alice\$' -t deploy/py-serv 80 -- printf '$answer' &"
: >"$said"
fwd-listen --steal --http-header 'x-user: ^alice$' -t deploy/py-serv 80 -- printf "$answer" 2> >(tee "$said" >&2) &
listen=$!
called "$listen" "$said" -H 'x-user: alice'
called "$listen" "$said" -H 'x-user: bob'
kill -INT "$listen"
wait "$listen" || true

say 'Routes for as long as a command lasts.'
show 'fwd-agent run -t deploy/py-serv -L 18080:localhost:80 -- curl -sS http://127.0.0.1:18080/'

say 'Agents serve many commands and end by themselves after 5 minutes without one.'
show 'fwd-agent ls'

say 'To go on by hand:'
echo "export KUBECONFIG=$KUBECONFIG PATH=$PWD/bin:\$PATH"
