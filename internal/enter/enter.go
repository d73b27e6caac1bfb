//go:build linux

package enter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Exec runs this program anew in the network of p, with args and, if the pod's
// life can be watched, --until=DESCRIPTOR, which is for Wait. It returns only if
// that fails.
func Exec(p Pod, args []string) error {
	all, err := find("/proc", p)
	if err != nil {
		return err
	}
	inside, pod := choose(all)
	network, err := open(inside.pid)
	if err != nil {
		return err
	}
	names, err := readFiles(inside.pid)
	if err != nil {
		return err
	}
	if pod != nil {
		// Kernels before 5.3 do not have it: then the agent ends when it is idle.
		if fd, err := unix.PidfdOpen(pod.pid, 0); err == nil {
			unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0) // not to be closed by exec
			args = append(args, "--until="+strconv.Itoa(fd))
		}
	}
	// A thread is what enters a network. What it executes begins with this thread
	// alone.
	runtime.LockOSThread()
	if err := unix.Setns(network, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the pod's network, which takes the capability SYS_ADMIN and a seccomp profile that allows setns: %w", err)
	}
	if err := giveUp(); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	if err := names.take(); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return fmt.Errorf("exec: %w", unix.Exec(program, args, os.Environ()))
}

// open opens the network namespace of a process.
func open(pid int) (int, error) {
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/net", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrPermission) {
		return 0, fmt.Errorf("look at the pod's network, which takes the capability SYS_PTRACE and no AppArmor profile: %w", err)
	}
	if err != nil {
		return 0, fmt.Errorf("look at the pod's network: %w", err)
	}
	var theirs, node unix.Stat_t
	if err := errors.Join(unix.Fstat(fd, &theirs), unix.Stat("/proc/1/ns/net", &node)); err != nil {
		return 0, fmt.Errorf("look at the pod's network: %w", err)
	}
	if theirs.Ino == node.Ino && theirs.Dev == node.Dev {
		return 0, errors.New("the pod's network is the node's")
	}
	return fd, nil
}

// Wait returns when the process behind a descriptor of --until has ended.
func Wait(fd int) error {
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if err != unix.EINTR {
			return err
		}
	}
}
