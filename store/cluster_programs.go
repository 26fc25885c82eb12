package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldestVersion is the first major version of PostgreSQL that has all that the
// migrations use.
const oldestVersion = 13

// ErrNoBinaries says that PostgreSQL's server programs are not installed, and
// what to install.
var ErrNoBinaries = errors.New("PostgreSQL's server programs (initdb, postgres) are not on this machine: " +
	"install the package postgresql (Debian and Ubuntu: apt-get install postgresql; " +
	"Fedora: dnf install postgresql-server; macOS: brew install postgresql@17)")

// programs is an installation of PostgreSQL's server.
type programs struct {
	dir     string
	version int // major
}

// path gives the path of one of its programs.
func (p programs) path(name string) string { return filepath.Join(p.dir, name) }

// programDirs lists the folders where PostgreSQL's programs may be: those of
// Debian, Fedora and Homebrew, what pg_config says, and PATH.
func programDirs(ctx context.Context) []string {
	var dirs []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin",
		"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	} {
		found, _ := filepath.Glob(pattern) // fails only for a bad pattern
		dirs = append(dirs, found...)
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		// Often a link into the folder where initdb lies as well.
		if target, err := filepath.EvalSymlinks(path); err == nil {
			path = target
		}
		dirs = append(dirs, filepath.Dir(path))
	}
	return dirs
}

// findPrograms gives the newest installation in dirs that is recent enough or,
// when version is not 0, one of exactly that major version: the only kind that
// can read its data.
func findPrograms(ctx context.Context, dirs []string, version int) (programs, error) {
	var found []programs
	seen := make(map[string]bool)
	for _, dir := range dirs {
		if target, err := filepath.EvalSymlinks(dir); err == nil {
			dir = target
		}
		if seen[dir] {
			continue
		}
		seen[dir] = true
		p := programs{dir: dir}
		if p.version = programsVersion(ctx, p); p.version >= oldestVersion {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return programs{}, ErrNoBinaries
	}
	if version != 0 {
		for _, p := range found {
			if p.version == version {
				return p, nil
			}
		}
		return programs{}, fmt.Errorf("the database was made by PostgreSQL %d, whose programs are not here: "+
			"install the package postgresql-%[1]d", version)
	}
	return slices.MaxFunc(found, func(a, b programs) int { return a.version - b.version }), nil
}

// programsVersion asks p's programs for their major version; 0 when they are
// not PostgreSQL's, or not all there.
func programsVersion(ctx context.Context, p programs) int {
	if info, err := os.Stat(p.path("initdb")); err != nil || info.IsDir() {
		return 0
	}
	//nolint:gosec // the folders are the fixed ones above and what PATH says
	out, err := exec.CommandContext(ctx, p.path("postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	m := regexp.MustCompile(`^postgres \(PostgreSQL\) (\d+)`).FindSubmatch(out)
	if m == nil {
		return 0
	}
	version, _ := strconv.Atoi(string(m[1])) // digits, by the pattern
	return version
}

// dataVersion gives the major version of the PostgreSQL that made the data in
// this folder; 0 when there is none.
func dataVersion(data string) int {
	b, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err != nil {
		return 0
	}
	version, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return version
}
