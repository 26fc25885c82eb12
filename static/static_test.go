package static

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

// ask sends one request to h.
func ask(t *testing.T, h http.Handler, method, path string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func wantHeader(t *testing.T, res *http.Response, name, want string) {
	t.Helper()
	if got := res.Header.Get(name); got != want {
		t.Errorf("%s is %q, want %q", name, got, want)
	}
}

func TestFilesMayBeKeptForEver(t *testing.T) {
	t.Parallel()
	files := New(false)
	for name, kind := range map[string]string{
		"css/rally.css":                          "text/css; charset=utf-8",
		"js/app.js":                              "text/javascript; charset=utf-8",
		"fonts/barlow-condensed-600-latin.woff2": "font/woff2",
		"favicon.svg":                            "image/svg+xml",
		"vendor/htmx/htmx.min.js":                "text/javascript; charset=utf-8",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := ask(t, files, http.MethodGet, files.URL(name))
			if res.StatusCode != http.StatusOK {
				t.Fatalf("status %d", res.StatusCode)
			}
			wantHeader(t, res, "Cache-Control", "public, max-age=31536000, immutable")
			wantHeader(t, res, "Content-Type", kind)
			wantHeader(t, res, "X-Content-Type-Options", "nosniff")
			etag := res.Header.Get("ETag")
			if etag == "" {
				t.Fatal("no ETag")
			}
			again := ask(t, files, http.MethodGet, files.URL(name), "If-None-Match", etag)
			if again.StatusCode != http.StatusNotModified {
				t.Errorf("asked again with its ETag: status %d", again.StatusCode)
			}
		})
	}
}

func TestTextIsCompressedOnce(t *testing.T) {
	t.Parallel()
	files := New(false)
	plain := ask(t, files, http.MethodGet, files.URL("css/rally.css"))
	zipped := ask(t, files, http.MethodGet, files.URL("css/rally.css"), "Accept-Encoding", "br, gzip;q=0.8")
	wantHeader(t, zipped, "Content-Encoding", "gzip")
	wantHeader(t, zipped, "Vary", "Accept-Encoding")
	wantHeader(t, plain, "Vary", "Accept-Encoding")
	wantHeader(t, plain, "Content-Encoding", "")
	if plain.Header.Get("ETag") == zipped.Header.Get("ETag") {
		t.Error("two bodies have one ETag")
	}
	unzip, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := read(t, plain.Body), read(t, unzip); a != b {
		t.Error("the compressed file is another one")
	}
	wantHeader(t, ask(t, files, http.MethodGet, files.URL("css/rally.css"), "Accept-Encoding", "gzip;q=0"), "Content-Encoding", "")
	wantHeader(t, ask(t, files, http.MethodGet, files.URL("fonts/barlow-condensed-600-latin.woff2"), "Accept-Encoding", "gzip"), "Content-Encoding", "")
}

func read(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOldVersionsAreAnsweredAndNotKept(t *testing.T) {
	t.Parallel()
	files := New(false)
	res := ask(t, files, http.MethodGet, "/static/0123456789abcdef/css/rally.css")
	if res.StatusCode != http.StatusOK {
		t.Errorf("status %d", res.StatusCode)
	}
	wantHeader(t, res, "Cache-Control", "no-cache")
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	files := New(false)
	for _, path := range []string{
		"/static/", "/static", files.URL(""), files.URL("css"), files.URL("css/"), files.URL("css/none.css"),
		files.URL("../static.go"), files.URL("static.go"), files.URL("js/../css/rally.css"), files.URL("css//rally.css"),
	} {
		res := ask(t, files, http.MethodGet, path)
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", path, res.StatusCode)
		}
		if strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: its absence is kept for ever", path)
		}
	}
	res := ask(t, files, http.MethodPost, files.URL("css/rally.css"))
	if res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", res.StatusCode)
	}
	if res := ask(t, files, http.MethodHead, files.URL("css/rally.css")); res.StatusCode != http.StatusOK || read(t, res.Body) != "" {
		t.Errorf("HEAD: status %d", res.StatusCode)
	}
}

// withParts puts into a tree what files are made of: each part holds its name.
func withParts(tree fstest.MapFS) fstest.MapFS {
	for _, parts := range joined {
		for _, part := range parts {
			tree[part] = &fstest.MapFile{Data: []byte(part + "\n")}
		}
	}
	return tree
}

func TestOneHashForTheWholeTree(t *testing.T) {
	t.Parallel()
	tree := withParts(fstest.MapFS{"js/a.js": {Data: []byte("a")}, "js/b.js": {Data: []byte("b")}})
	before := load(tree)
	if a, b := before.URL("js/a.js"), before.URL("js/b.js"); strings.TrimSuffix(a, "a.js") != strings.TrimSuffix(b, "b.js") {
		t.Errorf("%s and %s are not side by side", a, b)
	}
	if again := load(tree); again.URL("js/a.js") != before.URL("js/a.js") {
		t.Error("the same tree has another hash")
	}
	tree["js/b.js"] = &fstest.MapFile{Data: []byte("c")}
	if after := load(tree); after.URL("js/a.js") == before.URL("js/a.js") {
		t.Error("a change of one file leaves the others at their address")
	}
}

func TestPlainFiles(t *testing.T) {
	t.Parallel()
	files := New(false)
	for path, name := range map[string]string{"/favicon.ico": "favicon.ico", "/robots.txt": "robots.txt"} {
		res := ask(t, files.Plain(name), http.MethodGet, path)
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", path, res.StatusCode)
		}
		wantHeader(t, res, "Cache-Control", "public, max-age=86400")
	}
}

func TestDevelopmentReadsTheDisk(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{"css/play.css": {Data: []byte("a{}")}, "static.go": {Data: []byte("package static")}}
	files := &Files{version: "dev", dir: tree}
	if got := files.URL("css/play.css"); got != "/static/dev/css/play.css" {
		t.Errorf("URL is %s", got)
	}
	tree["css/play.css"] = &fstest.MapFile{Data: []byte("b{}")}
	res := ask(t, files, http.MethodGet, files.URL("css/play.css"))
	if got := read(t, res.Body); got != "b{}" {
		t.Errorf("body is %q, not what is on the disk now", got)
	}
	wantHeader(t, res, "Cache-Control", "no-cache")
	for _, name := range []string{"static.go", "none.css", "../go.mod"} {
		if res := ask(t, files, http.MethodGet, files.URL(name)); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", name, res.StatusCode)
		}
	}
}

// TestJoined: what is made of several files is served whole, in order, and its
// parts are not; in development as from memory.
func TestJoined(t *testing.T) {
	t.Parallel()
	tree := withParts(fstest.MapFS{})
	for whole, parts := range joined {
		want := ""
		for _, part := range parts {
			want += part + "\n"
		}
		for name, files := range map[string]*Files{"development": {version: "dev", dir: tree}, "memory": load(tree)} {
			if got := read(t, ask(t, files, http.MethodGet, files.URL(whole)).Body); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
			for _, part := range parts {
				if res := ask(t, files, http.MethodGet, files.URL(part)); res.StatusCode != http.StatusNotFound {
					t.Errorf("%s: %s has status %d", name, part, res.StatusCode)
				}
			}
		}
		// Whatever lies in the folder is part of it.
		dir, err := fs.ReadDir(embedded, path.Dir(parts[0]))
		if err != nil {
			t.Fatal(err)
		}
		if len(dir) != len(parts) {
			t.Errorf("%s is made of %d files, and there are %d", whole, len(parts), len(dir))
		}
	}
}

// TestWeight holds what a first visit costs, besides the page itself, which is
// some 3 kB: all of it is to stay below 60 kB.
func TestWeight(t *testing.T) {
	t.Parallel()
	files := New(false)
	total := 0
	for _, name := range []string{
		"css/rally.css", "css/play.css", "fonts/barlow-condensed-600-latin.woff2", "favicon.svg",
		"vendor/htmx/htmx.min.js", "vendor/htmx/hx-ws.min.js", "js/app.js",
	} {
		size := len(read(t, ask(t, files, http.MethodGet, files.URL(name), "Accept-Encoding", "gzip").Body))
		t.Logf("%6d %s", size, name)
		total += size
	}
	t.Logf("%6d in all", total)
	if total > 52_000 {
		t.Errorf("%d bytes, want 52000 at most", total)
	}
}
