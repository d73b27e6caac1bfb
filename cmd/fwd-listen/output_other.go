//go:build !unix

package main

import "os"

// awaitClosed cannot know.
func awaitClosed(*os.File) bool { return false }
