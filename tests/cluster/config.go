package main

import "strings"

// kindConfig returns the configuration of the cluster for a node image on a
// host. What only some hosts need is in it only there.
func kindConfig(image string, h host) string {
	var b strings.Builder
	b.WriteString("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n")
	if !isKindest(image) {
		// kindnet's image is not to be had; our node brings a network.
		b.WriteString("networking:\n  disableDefaultCNI: true\n")
	}
	if h.cgroupV1 {
		// Kubelets from 1.35 on refuse cgroup v1 unless told not to.
		b.WriteString("kubeadmConfigPatches:\n- |\n  kind: KubeletConfiguration\n  failCgroupV1: false\n")
	}
	if h.noSysResource {
		// Lowering oom_score_adj needs CAP_SYS_RESOURCE.
		b.WriteString("containerdConfigPatches:\n- |\n  [plugins.\"io.containerd.grpc.v1.cri\"]\n    restrict_oom_score_adj = true\n")
	}
	return b.String()
}
