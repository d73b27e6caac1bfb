// Package version knows which version of fwd this program is.
package version

import "runtime/debug"

// version is set by the release build:
// -ldflags "-X github.com/fwdtools/fwd/internal/version.version=1.2.3".
var version string

// String is the version: that of the release, or of the module that `go
// install` built, or "dev" for a build from a checkout.
func String() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" && info.Main.Sum != "" {
		return info.Main.Version
	}
	return "dev"
}
