package store

import "syscall"

// dieWithParent makes the system send sig to the process when the thread that
// starts it ends.
func dieWithParent(attr *syscall.SysProcAttr, sig syscall.Signal) { attr.Pdeathsig = sig }
