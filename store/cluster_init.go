package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// initData makes an empty cluster, whole or not at all: it is built beside its
// place and moved there.
func initData(ctx context.Context, p programs, h home, fast bool) error {
	building := filepath.Join(h.dir, "data.new")
	// Where "C.UTF-8" is not known to the system, newer servers have their own.
	locales := [][]string{{"--locale=C.UTF-8"}, {"--locale=C"}}
	if p.version >= 17 {
		locales[1] = []string{"--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"}
	}
	var said []byte
	var err error
	for _, locale := range locales {
		if err := os.RemoveAll(building); err != nil {
			return err
		}
		if err := h.owner.makeFolder(building); err != nil {
			return err
		}
		args := append([]string{
			"--pgdata=" + building, "--username=" + clusterUser, "--encoding=UTF8",
			"--auth-local=trust", "--auth-host=reject", "--no-instructions",
		}, locale...)
		if fast {
			args = append(args, "--no-sync")
		}
		cmd := exec.CommandContext(ctx, p.path("initdb"), args...) //nolint:gosec // our own arguments
		cmd.Dir = building
		h.owner.become(cmd)
		if said, err = cmd.CombinedOutput(); err == nil {
			return os.Rename(building, filepath.Join(h.dir, "data"))
		}
	}
	return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(said)))
}
