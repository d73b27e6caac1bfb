//go:build linux

package enter

import "golang.org/x/sys/unix"

// giveUp leaves this thread, and what it executes, the capabilities for
// networks, as far as it has them: those by which it came here are of no more
// use.
func giveUp() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	keep := data[0].Permitted & (1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW)
	data[0] = unix.CapUserData{Effective: keep, Permitted: keep}
	data[1] = unix.CapUserData{}
	// Without this, exec gives root everything back.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return unix.Capset(&header, &data[0])
}
