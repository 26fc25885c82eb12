package auth

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// makeFile makes a file that only its owner may read, all of it or nothing.
// It fails with fs.ErrExist, and changes nothing, when there is one already.
func makeFile(path string, content []byte) error {
	name, err := writeBeside(path, content)
	if err != nil {
		return err
	}
	// Unlike renaming, linking takes nobody else's place.
	err = os.Link(name, path)
	return errors.Join(err, os.Remove(name))
}

// replaceFile puts content in a file's place in one step: whoever reads it sees
// the old one or the new one. Whose file it was it remains, so that root may
// do this to the file of a server that runs as somebody else.
func replaceFile(path string, content []byte) error {
	name, err := writeBeside(path, content)
	if err != nil {
		return err
	}
	if info, statErr := os.Stat(path); statErr == nil && os.Geteuid() == 0 {
		if of, ok := info.Sys().(*syscall.Stat_t); ok {
			err = os.Chown(name, int(of.Uid), int(of.Gid))
		}
	} else if statErr != nil && !errors.Is(statErr, fs.ErrNotExist) {
		err = statErr
	}
	if err == nil {
		err = os.Rename(name, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// writeBeside writes content, and waits until it is on the disk, to a new file
// of mode 0600 in the folder of path.
func writeBeside(path string, content []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return "", err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}
