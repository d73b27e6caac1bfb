//go:build !unix

package stdio

import "os"

func shutdownWrite(*os.File) bool { return false }
