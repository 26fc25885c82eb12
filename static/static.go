// Package static holds what browsers fetch besides pages: style, scripts, the
// font, the icon. Everything is embedded, and its address carries a hash of the
// whole tree, so that browsers may keep it for ever and the relative imports of
// ES modules stay among files of one version.
package static

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
)

//go:embed css fonts js vendor favicon.ico favicon.svg robots.txt
var embedded embed.FS

// prefix is where files are served.
const prefix = "/static/"

// How long browsers may keep a file: for ever where the address names its
// version, a day at an address that cannot change, and in development not at
// all without asking.
const (
	cacheForever = "public, max-age=31536000, immutable"
	cacheDay     = "public, max-age=86400"
	cacheNever   = "no-cache"
)

// joined are the files that are made of several, in this order: a page fetches
// one, and each of its subjects has a file of its own.
var joined = map[string][]string{
	"css/rally.css": {
		"css/rally/tokens.css", "css/rally/base.css", "css/rally/header.css",
		"css/rally/people.css", "css/rally/buttons.css", "css/rally/signals.css",
	},
	"css/match.css": {
		"css/match/court.css", "css/match/panel.css", "css/match/record.css", "css/match/screens.css",
	},
}

// Files are the static files. They are safe for concurrent use.
type Files struct {
	version string
	files   map[string]*file // by name; nil in development
	dir     fs.FS            // read at every request; nil in production
}

// New reads and compresses the embedded files. With dev, files are read from
// the folder "static" below the working directory at each request, so that an
// edit shows at the next reload.
func New(dev bool) *Files {
	if dev {
		return &Files{version: "dev", dir: os.DirFS("static")}
	}
	return load(embedded)
}

// load takes every file of tree into memory. The tree is part of the program,
// so that a file which cannot be read is a fault of the build.
func load(tree fs.FS) *Files {
	f := &Files{files: make(map[string]*file)}
	hash := sha256.New()
	add := func(name string) error {
		body, err := readFile(tree, name)
		if err != nil {
			return err
		}
		f.files[name] = newFile(name, body)
		_, _ = fmt.Fprintf(hash, "%s %d\n", name, len(body)) // a hash takes everything
		_, _ = hash.Write(body)
		return nil
	}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || isPart(name) {
			return err
		}
		return add(name)
	})
	for _, name := range slices.Sorted(maps.Keys(joined)) {
		err = errors.Join(err, add(name))
	}
	if err != nil {
		panic("static: " + err.Error())
	}
	f.version = hex.EncodeToString(hash.Sum(nil))[:16]
	return f
}

// readFile gives a file as browsers get it.
func readFile(tree fs.FS, name string) ([]byte, error) {
	parts, ok := joined[name]
	if !ok {
		return fs.ReadFile(tree, name)
	}
	var whole []byte
	for _, part := range parts {
		body, err := fs.ReadFile(tree, part)
		if err != nil {
			return nil, err
		}
		whole = append(whole, body...)
	}
	return whole, nil
}

// isPart says whether a file is served as part of another one only.
func isPart(name string) bool {
	for _, parts := range joined {
		if slices.Contains(parts, name) {
			return true
		}
	}
	return false
}

// URL gives the address of the file called name, such as "css/rally.css".
func (f *Files) URL(name string) string { return prefix + f.version + "/" + name }

// ServeHTTP serves /static/<version>/<name>, to GET and HEAD. Any version is
// answered, for pages that were loaded before an update, but only the present
// one may be kept.
func (f *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	version, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, prefix), "/")
	cache := cacheNever
	if version == f.version && f.dir == nil {
		cache = cacheForever
	}
	f.serve(w, r, name, cache)
}

// Plain serves one file at an address that has no version in it, such as
// /favicon.ico.
func (f *Files) Plain(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.serve(w, r, name, cacheDay)
	})
}

func (f *Files) serve(w http.ResponseWriter, r *http.Request, name, cache string) {
	file, ok := f.find(name)
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	if f.dir != nil {
		cache = cacheNever
	}
	w.Header().Set("Cache-Control", cache)
	file.serve(w, r)
}

// find gives the file called name: from memory, or fresh from the disk.
func (f *Files) find(name string) (*file, bool) {
	if f.dir == nil {
		found, ok := f.files[name]
		return found, ok
	}
	if !fs.ValidPath(name) || contentTypes[path.Ext(name)] == "" || isPart(name) {
		return nil, false
	}
	body, err := readFile(f.dir, name)
	if err != nil {
		return nil, false
	}
	return newFile(name, body), true
}
