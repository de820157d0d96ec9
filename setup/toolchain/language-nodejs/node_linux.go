package main

import "syscall"

// endWithParent has the kernel end a program whose host was killed and could not do it itself.
var endWithParent = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
