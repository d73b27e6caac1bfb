// Package nft redirects the callers of a port of this network namespace to a
// port of ours, with one nftables table per redirect.
//
// The kernel drops the table when the process is gone, however it went, where
// it knows owned tables (Linux 5.12). Connections that were established before
// stay as they are, and so do those from sockets that Control has marked.
//
// It neither listens nor accepts, and does not see to it that a port is
// redirected once only: claim does.
package nft
