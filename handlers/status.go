package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// readyTime bounds the answer of /readyz.
const readyTime = 2 * time.Second

// healthz says that the process answers.
func (s *Server) healthz(c echo.Context) error {
	noStore(c)
	return c.String(http.StatusOK, "ok\n")
}

// readyz says whether the parts that pages need are there, and that the server
// is not about to stop.
func (s *Server) readyz(c echo.Context) error {
	noStore(c)
	if s.stopping.Load() {
		return c.String(http.StatusServiceUnavailable, "stopping\n")
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), readyTime)
	defer cancel()
	if err := s.c.Ready(ctx); err != nil {
		of(c).err = err // the log says what is away; strangers need not know
		return c.String(http.StatusServiceUnavailable, "unavailable\n")
	}
	return c.String(http.StatusOK, "ready\n")
}

// file serves the site's own files.
func (s *Server) file(c echo.Context) error {
	s.c.Static.ServeHTTP(c.Response(), c.Request())
	return nil
}

// plainFile serves one of them where browsers and crawlers look for it.
func (s *Server) plainFile(name string) echo.HandlerFunc {
	return echo.WrapHandler(s.c.Static.Plain(name))
}

func noStore(c echo.Context) { c.Response().Header().Set(echo.HeaderCacheControl, "no-store") }
