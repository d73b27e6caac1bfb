// Package kube reads a Kubernetes cluster: which cluster a kubeconfig means,
// which pod a target means, and what the API server's refusals mean.
//
// It changes nothing. Everything that writes is in internal/launch, and the
// byte stream to a pod is internal/link's.
//
// It speaks through client-go's REST client with a handful of types. The typed
// clientset would bring every API group there is into each laptop command, in
// size and in start time.
package kube
