// Package sockets says what the sockets of this network namespace do with a
// port, whoever has them, and resets them.
//
// It opens none of its own for traffic, and knows nothing of redirects but what
// a redirected connection was called by.
package sockets
