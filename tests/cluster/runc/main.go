// Command runc stands in front of the real runc on a host that may not hand
// out every capability. Where the capability bounding set of the host lacks
// one, `docker run --privileged` and `docker exec` into such a container ask
// for it and fail with "unable to apply caps: operation not permitted"; this
// command takes what the host does not have out of the request and then
// becomes runc. On any other host it changes nothing, and it is not used there.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	err := run(os.Args)
	fmt.Fprintln(os.Stderr, "runc without missing capabilities:", err)
	os.Exit(1)
}

// run edits the file that args point runc to, if any, and replaces this
// process by runc. It returns only on error.
func run(args []string) error {
	if path := specPath(args[1:]); path != "" {
		have, err := boundingSet("/proc/self/status")
		if err != nil {
			return err
		}
		if err := dropMissing(path, have); err != nil {
			return err
		}
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		return fmt.Errorf("find runc: %w", err)
	}
	return fmt.Errorf("execute %s: %w", runc, syscall.Exec(runc, append([]string{"runc"}, args[1:]...), os.Environ()))
}
