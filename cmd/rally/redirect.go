package main

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// redirectTo sends plain HTTP to the same page over TLS, on the port of base.
// The host is the one that was asked for, so that every name of this machine
// works; a Host header that is not a host is refused.
func redirectTo(base *url.URL) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.Trim(host, "[]")
		if !validHost(host) || !strings.HasPrefix(r.URL.Path, "/") {
			http.Error(w, "This is not an address of this site.", http.StatusBadRequest)
			return
		}
		target := url.URL{
			Scheme:   "https",
			Host:     withPort("https", host, base.Port()),
			Path:     r.URL.Path,
			RawPath:  r.URL.RawPath,
			RawQuery: r.URL.RawQuery,
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Connection", "close")
		http.Redirect(w, r, target.String(), http.StatusPermanentRedirect)
	})
}

// validHost says whether host is an IP address or a host name of letters,
// digits, dots and hyphens.
func validHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	if host == "" || len(host) > 253 {
		return false
	}
	for _, c := range []byte(host) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return true
}
