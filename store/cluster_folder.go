package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const (
	// spareRoot is where clusters lie whose user cannot reach the folder asked for.
	spareRoot = "/var/lib/rally"
	// socketPathMax is what fits into a socket's address everywhere, with room.
	socketPathMax = 100
	// socketPrefix begins the names of socket folders in the temporary folder.
	socketPrefix = "rally-socket-"
)

// account is the system user a server runs as.
type account struct {
	name     string
	uid, gid int
	drop     bool // it is not us: we are root and become it
}

// home is where a cluster lives, and whose it is. Started by root, the folder
// itself is root's, so that its user can do nothing there but use what it was
// given: "data" and "run".
type home struct {
	dir   string
	owner account
	moved bool // dir is not the folder that was asked for
}

// findHome decides where the cluster asked for in dir is or will be, makes that
// folder, and decides which user it belongs to.
func findHome(dir string) (home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return home{}, err
	}
	if err := os.MkdirAll(dir, 0o711); err != nil { //nolint:gosec // its contents are shut, see home
		return home{}, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return home{}, err
	}
	if us := os.Geteuid(); us != 0 {
		owner := account{name: accountName(us), uid: us, gid: os.Getegid()}
		if uid, _, ok := dataOwner(dir); ok && uid != us {
			return home{}, fmt.Errorf("the database in %s belongs to the user %s: start Rally as that user or as root",
				dir, accountName(uid))
		}
		return home{dir: dir, owner: owner}, nil
	}

	spare := spareFolder(dir)
	for _, d := range []string{dir, spare} {
		if uid, gid, ok := dataOwner(d); ok && uid != 0 {
			owner := account{name: accountName(uid), uid: uid, gid: gid, drop: true}
			return home{dir: d, owner: owner, moved: d != dir}, nil
		}
	}
	owner, err := unprivileged()
	if err != nil {
		return home{}, err
	}
	for _, d := range []string{dir, spare} {
		if err := makePassage(d); err != nil {
			return home{}, err
		}
		if reaches(owner, d) {
			return home{dir: d, owner: owner, moved: d != dir}, nil
		}
	}
	return home{}, fmt.Errorf("the user %s can reach neither %s nor %s", owner.name, dir, spare)
}

// spareFolder gives the folder that is used when a server's user cannot reach
// dir, which is absolute.
func spareFolder(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(spareRoot, hex.EncodeToString(sum[:6]))
}

// makePassage makes dir, or opens it if it is there, so that others may pass
// through it (not look around) to what is theirs below.
func makePassage(dir string) error {
	if err := os.MkdirAll(dir, 0o711); err != nil { //nolint:gosec // what lies in it is shut
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	return os.Chmod(dir, info.Mode().Perm()|0o011)
}

// dataOwner gives the owner of the data in a cluster's folder, if there is any.
func dataOwner(dir string) (uid, gid int, ok bool) {
	info, err := os.Stat(filepath.Join(dir, "data"))
	if err != nil {
		return 0, 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}

// unprivileged gives the user that root becomes to run a server.
func unprivileged() (account, error) {
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2); err != nil || uid == 0 {
			continue
		}
		return account{name: name, uid: uid, gid: gid, drop: true}, nil
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
}

// accountName gives a user's name, or its number when it has none.
func accountName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

// reaches says whether a may enter dir.
func reaches(a account, dir string) bool {
	// Ask the system: it knows of access lists and mounts, which we do not.
	cmd := exec.Command("/bin/sh", "-c", ":") //nolint:noctx // over in a millisecond, whatever happens
	cmd.Dir = dir
	a.become(cmd)
	return cmd.Run() == nil
}

// become makes cmd run as a, with an environment that has nothing of ours.
func (a account) become(cmd *exec.Cmd) {
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if a.drop {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
}

// makeFolder makes dir, if it is not there, for a alone.
func (a account) makeFolder(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs its x
		return err
	}
	if !a.drop {
		return nil
	}
	return os.Lchown(dir, a.uid, a.gid)
}

// lockFolder takes the folder for this process, until unlockFolder or the end of
// the process. The error names the process that has it.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer func() { _ = f.Close() }()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		holder, _ := io.ReadAll(io.LimitReader(f, 20)) // what is not known is not said
		return nil, fmt.Errorf("another Rally (process %s) is using the database in %s",
			strings.TrimSpace(string(holder)), dir)
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// unlockFolder gives back what lockFolder took. To close the file would not do: a
// process that is being started has a copy of it for a moment.
func unlockFolder(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

// socketFolder gives a folder for the server's socket that a alone may enter:
// "run" in the cluster's folder, or one with a short name when that path is too
// long for a socket (or has a comma, which connection strings do not take).
func (h home) socketFolder() (string, error) {
	if dir := filepath.Join(h.dir, "run"); fitsSocket(dir) {
		return dir, h.owner.makeFolder(dir)
	}
	var errs error
	for _, root := range []string{os.TempDir(), "/tmp"} {
		dir, err := os.MkdirTemp(root, socketPrefix)
		if err != nil {
			errs = errors.Join(errs, err)
			continue
		}
		if err = h.owner.makeFolder(dir); err == nil && fitsSocket(dir) && (!h.owner.drop || reaches(h.owner, dir)) {
			return dir, nil
		}
		errs = errors.Join(errs, err, os.Remove(dir))
	}
	return "", fmt.Errorf("no folder for the database's socket: %w", errors.Join(errs, errors.New("paths too long")))
}

// fitsSocket says whether a server's socket can have its place in dir.
func fitsSocket(dir string) bool {
	return len(filepath.Join(dir, ".s.PGSQL."+serverPort)) <= socketPathMax && !strings.Contains(dir, ",")
}

// socketsAreTemporary says whether dir is one of socketFolder's short ones.
func socketsAreTemporary(dir string) bool {
	parent, name := filepath.Split(filepath.Clean(dir))
	parent = filepath.Clean(parent)
	return strings.HasPrefix(name, socketPrefix) && (parent == filepath.Clean(os.TempDir()) || parent == "/tmp")
}
