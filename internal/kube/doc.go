// Package kube reads a Kubernetes cluster: which cluster a kubeconfig means,
// which pod a target means, and what the API server's refusals mean.
//
// It changes nothing. Everything that writes is in internal/launch, and the
// byte stream to a pod is internal/link's.
//
// It speaks through client-go's REST client with a handful of types instead of
// the typed clientset, which alone would make every laptop command 20 MiB
// bigger and slower to start.
package kube
