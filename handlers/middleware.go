package handlers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"rally"
)

const (
	// formLimit bounds what a form may send, in bytes, where the route table
	// says nothing else.
	formLimit = 64 << 10
	// requestTime bounds everything a request waits for, the socket excepted.
	requestTime = 10 * time.Second
)

// state is what the middleware finds out about a request, for the steps after
// it. One goroutine owns it.
type state struct {
	id      string         // of the request
	address string         // of the browser
	gate    Gate           // of the route
	limit   int64          // of the route: bytes it may be sent
	viewer  rally.Viewer   // who is looking
	session *rally.Session // that the cookie opened, whatever it is worth; or nil
	private bool           // the page shows what is somebody's, session or not
	err     error          // what went wrong, for the log
}

// stateKey is where an echo.Context keeps its state.
const stateKey = "rally.state"

// of gives the state of a request.
func of(c echo.Context) *state { return c.Get(stateKey).(*state) }

// middleware gives the steps every request goes through, in order. The router
// has found its route before the first.
func (s *Server) middleware() []echo.MiddlewareFunc {
	return []echo.MiddlewareFunc{
		s.begin,         // request id, and what is known without asking anybody
		s.logRequest,    // one line, when everything is over
		s.secure,        // headers of every answer
		s.deadline,      // for everything that is waited for
		s.answerErrors,  // errors and panics become pages
		s.readForm,      // within bounds; files only behind the gate
		s.refuseForeign, // other sites cannot make a browser act here
		s.identify,      // session, token, Viewer
		s.guard,         // the route's gate
		s.readFiles,     // of those who may send some
	}
}

// begin gives the request its state, and its id a place in the answer. An id
// from outside is believed only from a trusted proxy.
func (s *Server) begin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		route := s.routeOf(c)
		st := &state{address: c.RealIP(), gate: route.Gate, limit: route.limit, viewer: s.anonymous(r)}
		if id := r.Header.Get(echo.HeaderXRequestID); s.fromProxy(r) && isRequestID(id) {
			st.id = id
		} else {
			var b [8]byte
			_, _ = rand.Read(b[:]) // never fails: see crypto/rand.Read
			st.id = hex.EncodeToString(b[:])
		}
		c.Set(stateKey, st)
		c.Response().Header().Set(echo.HeaderXRequestID, st.id)
		return next(c)
	}
}

// isRequestID says whether a proxy's request id is fit for logs and pages.
func isRequestID(id string) bool {
	if len(id) < 8 || len(id) > 64 {
		return false
	}
	for _, b := range []byte(id) {
		if (b < '0' || b > '9') && (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && b != '-' {
			return false
		}
	}
	return true
}

// fromProxy says whether the other end of the connection is a trusted proxy.
func (s *Server) fromProxy(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	for _, p := range s.c.TrustedProxies {
		if p.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// AddressReader gives what reads the browser's address from a request: the
// connection's other end, or what X-Forwarded-For says where only trusted
// proxies have written it.
func AddressReader(trusted []netip.Prefix) func(*http.Request) string {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range trusted {
		options = append(options, echo.TrustIPRange(&net.IPNet{
			IP:   p.Masked().Addr().AsSlice(),
			Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}

// logRequest writes the one line of a request. Its field names are read by
// the log pipeline.
func (s *Server) logRequest(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		begun := time.Now()
		err := next(c)
		st, res := of(c), c.Response()
		level := slog.LevelInfo
		attrs := []slog.Attr{
			slog.String("id", st.id),
			slog.String("method", c.Request().Method),
			slog.String("route", routeName(c)),
			slog.Int("status", res.Status),
			slog.Float64("ms", float64(time.Since(begun).Microseconds())/1000),
			slog.Int64("bytes", res.Size),
			slog.Int64("user", int64(st.viewer.User.ID)),
			slog.String("address", st.address),
		}
		if st.err != nil && res.Status >= http.StatusInternalServerError {
			level = slog.LevelError
			attrs = append(attrs, slog.String("error", st.err.Error()))
		}
		s.c.Log.LogAttrs(c.Request().Context(), level, "request", attrs...)
		return err
	}
}

// routeName is the pattern of the route that was taken, or "none": what was
// asked for in vain is not worth a line of its own in every statistic.
func routeName(c echo.Context) string {
	if c.Path() == "" {
		return "none"
	}
	return c.Path()
}

// answerErrors turns whatever a later step fails with, panics included, into
// an answer.
func (s *Server) answerErrors(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if p := recover(); p != nil {
				if cause, ok := p.(error); ok && errors.Is(cause, http.ErrAbortHandler) {
					panic(p)
				}
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
			if err != nil {
				s.fail(c, err)
				err = nil
			}
		}()
		return next(c)
	}
}

// deadline bounds how long a request may take. The socket opens within that
// time as well, and then belongs to the hub.
func (s *Server) deadline(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), requestTime)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		return next(c)
	}
}

// readForm reads what a form has sent, if that is not too much. A form with
// files waits for readFiles.
func (s *Server) readForm(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, limit := c.Request(), of(c).limit
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			return next(c)
		}
		if r.ContentLength > limit {
			return tooLarge(fmt.Errorf("a body of %d bytes", r.ContentLength))
		}
		r.Body = http.MaxBytesReader(c.Response(), r.Body, limit)
		if limit > formLimit && isMultipart(r) {
			return next(c)
		}
		if err := r.ParseForm(); err != nil {
			return formError(err)
		}
		return next(c)
	}
}

// readFiles reads a form with files, once the gate has let it through: nobody
// else makes the server hold them.
func (s *Server) readFiles(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, limit := c.Request(), of(c).limit
		if r.Method == http.MethodPost && limit > formLimit && isMultipart(r) {
			if err := r.ParseMultipartForm(limit); err != nil {
				return formError(err)
			}
		}
		return next(c)
	}
}

// isMultipart says whether a form was sent the way that files are.
func isMultipart(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	return err == nil && kind == echo.MIMEMultipartForm
}

// refuseForeign refuses what another site makes a browser send.
func (s *Server) refuseForeign(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := s.checkOrigin(c.Request()); err != nil {
			s.securityEvent(c, eventCrossSite, 0, "", slog.String("origin", clip(c.Request().Header.Get("Origin"), 200)),
				slog.String("fetch_site", clip(c.Request().Header.Get("Sec-Fetch-Site"), 20)))
			return rally.Errorf(rally.EForbidden, "error.cross_site", "%w", err)
		}
		return next(c)
	}
}

// checkOrigin fails for an unsafe request that a page of another site has made.
// The standard library looks at the host alone where a browser says no more
// than the origin; the scheme has to be the site's as well.
func (s *Server) checkOrigin(r *http.Request) error {
	if err := s.foreign.Check(r); err != nil {
		return err
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	if origin := r.Header.Get("Origin"); origin != "" && !strings.HasPrefix(origin, s.c.BaseURL.Scheme+"://") {
		return errors.New("the origin has another scheme")
	}
	return nil
}

// clip cuts s to n bytes.
func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
