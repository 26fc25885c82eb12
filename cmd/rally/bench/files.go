package bench

import (
	"fmt"
	"syscall"
)

// needFiles makes sure that the process may have n files open, raising its
// limit where the system lets it.
func needFiles(n int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("asking for the limit of open files: %w", err)
	}
	if limit.Cur >= uint64(n) {
		return nil
	}
	want := syscall.Rlimit{Cur: uint64(n), Max: max(limit.Max, uint64(n))}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want); err != nil {
		return fmt.Errorf("so many matches need %d open files and the limit is %d: raise it with \"ulimit -n %d\", for the server as well",
			n, limit.Cur, n)
	}
	return nil
}
