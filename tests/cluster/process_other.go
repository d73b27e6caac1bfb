//go:build !unix

package main

import (
	"errors"
	"syscall"
)

func lock(string) (unlock func(), err error) { return nil, errors.ErrUnsupported }

func detached() *syscall.SysProcAttr { return nil }
