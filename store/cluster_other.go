//go:build !linux

package store

import "syscall"

// dieWithParent does nothing: only Linux can do this.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
