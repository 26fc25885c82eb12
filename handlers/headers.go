package handlers

import (
	"net/url"

	"github.com/labstack/echo/v4"
)

// policy gives the Content-Security-Policy of the site at base: everything
// from here, nothing inline, no frames around it. Not every browser takes
// 'self' to mean the socket's scheme as well, so that one is named.
func policy(base *url.URL) string {
	scheme := "ws"
	if base.Scheme == "https" {
		scheme = "wss"
	}
	return "default-src 'self'; connect-src 'self' " + scheme + "://" + base.Host +
		"; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
}

// permissions turns off what no page here uses.
const permissions = "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), " +
	"gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()"

// secure sets the headers that every answer carries, whatever it is.
func (s *Server) secure(next echo.HandlerFunc) echo.HandlerFunc {
	csp := policy(s.c.BaseURL)
	tls := s.c.BaseURL.Scheme == "https"
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", permissions)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		if tls {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		return next(c)
	}
}
