# One image for etcd and every kube-* component: the manifests of kubeadm say
# which command to run. It stands on the node's root file system because
# kube-proxy needs iptables.
ARG ROOT
FROM $ROOT
COPY control-plane/ /usr/local/bin/
