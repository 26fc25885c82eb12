package handlers

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// localPath gives s if it is the path, with its query, of a page of this site
// and nothing else, and "/" if not: whoever wrote the link that a person
// followed must not choose where they land. Browsers read "//host", "/\host"
// and control characters in a Location as more than a path, and some things
// decode a path before they look at it, so its decoded form is held to the
// same rule.
func localPath(s string) string {
	if !plainPath(s) {
		return "/"
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.User != nil || !plainPath(u.Path) {
		return "/"
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
}

// onTheWay says whether a local path is that of a page one only passes: nobody
// is sent back to it once they are through.
func onTheWay(local string) bool {
	u, err := url.Parse(local)
	if err != nil {
		return false
	}
	at := path.Clean(u.Path)
	for _, page := range []string{signInPath, "/sign-up", "/sign-out", proofPath, "/links", "/live"} {
		if at == page || strings.HasPrefix(at, page+"/") {
			return true
		}
	}
	return false
}

// wayBack is localPath for where somebody is sent back to or goes on from: where
// only forms are sent to, as on a page that says what is wrong with one, it
// gives the nearest page above.
func (s *Server) wayBack(from string) string {
	local := localPath(from)
	u, err := url.Parse(local)
	if err != nil || s.answers(http.MethodGet, u.Path) || !s.answers(http.MethodPost, u.Path) {
		return local
	}
	at := path.Dir(u.Path)
	for at != "/" && !s.answers(http.MethodGet, at) {
		at = path.Dir(at)
	}
	return at
}

// answers says whether there is a route for a method at a path.
func (s *Server) answers(method, at string) bool {
	c := s.echo.NewContext(nil, nil)
	s.echo.Router().Find(method, at, c)
	_, ok := s.routes[method+" "+c.Path()]
	return ok
}

// plainPath says whether s starts with one slash, does not go on to name a
// host, and holds nothing that a browser drops or turns into a slash.
func plainPath(s string) bool {
	if s == "" || s[0] != '/' || strings.HasPrefix(s, "//") || strings.Contains(s, `\`) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// pathOf gives the page a request came from or asks for, fit for localPath:
// its own address when it only looks, else the page whose form was sent, as
// far as the browser says ("" when it does not).
func pathOf(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if !isPartial(r) {
			return r.URL.RequestURI()
		}
	}
	from := r.Header.Get("HX-Current-URL")
	if from == "" {
		from = r.Referer()
	}
	u, err := url.Parse(from)
	if err != nil || u.Host != r.Host {
		return ""
	}
	return u.RequestURI()
}
