package handlers

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"rally/views"
)

// gzipFrom is the length in bytes from which a page is worth compressing.
const gzipFrom = 1024

// page gives what every page is given.
func (s *Server) page(c echo.Context) views.Page {
	p := s.barePage(c)
	s.framed(c, &p)
	return p
}

// barePage is page without what is asked of the database.
func (s *Server) barePage(c echo.Context) views.Page {
	st := of(c)
	return views.Page{
		Viewer:    st.viewer,
		Path:      s.wayBack(c.Request().URL.RequestURI()),
		RequestID: st.id,
		Dev:       s.c.Dev,
	}
}

// html renders a component and sends it in one write. What a signed-in person
// sees, or somebody who has followed a letter's link, is kept nowhere.
func (s *Server) html(c echo.Context, status int, component templ.Component) error {
	st := of(c)
	// A page that says that time is up must still be rendered.
	ctx := context.WithoutCancel(c.Request().Context())
	body, err := s.c.Views.Render(ctx, st.viewer.Locale, component)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	if st.session != nil || st.private {
		h.Set(echo.HeaderCacheControl, "no-store")
	} else {
		h.Set(echo.HeaderCacheControl, "private, no-cache")
	}
	h.Add(echo.HeaderVary, "Accept-Encoding, Accept-Language, Cookie, HX-Request, HX-Request-Type")
	h.Set("Content-Language", st.viewer.Locale)
	if len(body) >= gzipFrom && acceptsGzip(c.Request()) {
		body = s.squeeze(body)
		h.Set(echo.HeaderContentEncoding, "gzip")
	}
	return c.Blob(status, echo.MIMETextHTMLCharsetUTF8, body)
}

// show renders the whole page, or only the part of it that htmx asked for.
func (s *Server) show(c echo.Context, status int, whole, part templ.Component) error {
	if isPartial(c.Request()) {
		return s.html(c, status, part)
	}
	return s.html(c, status, whole)
}

// leave sends the browser to another page: a redirect that turns a POST into a
// GET, or htmx's own, which leaves the page instead of swapping part of it.
func (s *Server) leave(c echo.Context, path string) error {
	h := c.Response().Header()
	h.Set(echo.HeaderCacheControl, "no-store")
	if isHTMX(c.Request()) {
		h.Set("HX-Redirect", path)
		return c.NoContent(http.StatusOK)
	}
	return c.Redirect(http.StatusSeeOther, path)
}

// isHTMX says whether htmx sent a request. Anybody can say so: it chooses the
// form of an answer and nothing else.
func isHTMX(r *http.Request) bool { return r.Header.Get("HX-Request") == "true" }

// isPartial says whether htmx will put the answer into part of a page.
func isPartial(r *http.Request) bool {
	return isHTMX(r) && r.Header.Get("HX-Request-Type") != "full" && r.Header.Get("HX-History-Restore-Request") == ""
}

// acceptsGzip says whether the browser takes gzip.
func acceptsGzip(r *http.Request) bool {
	for _, value := range r.Header.Values(echo.HeaderAcceptEncoding) {
		for coding := range strings.SplitSeq(value, ",") {
			name, params, _ := strings.Cut(coding, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				q := strings.ReplaceAll(params, " ", "")
				return q != "q=0" && !strings.HasPrefix(q, "q=0.0")
			}
		}
	}
	return false
}

// squeezer makes compressors that are used again. The fastest level gives
// pages a quarter of their size; better ones cost several times the work for a
// few per cent more.
func newSqueezer() *sync.Pool {
	return &sync.Pool{New: func() any {
		w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		if err != nil {
			panic(err) // the level is a constant
		}
		return w
	}}
}

// squeeze compresses a page.
func (s *Server) squeeze(body []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(body) / 3)
	w := s.squeezer.Get().(*gzip.Writer)
	defer s.squeezer.Put(w)
	w.Reset(&out)
	_, _ = w.Write(body) // a bytes.Buffer takes everything
	_ = w.Close()
	return out.Bytes()
}
