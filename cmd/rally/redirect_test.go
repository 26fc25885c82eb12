package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestRedirectKeepsHostAndPage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		base, host, target string
		want               string // "" for 400
	}{
		"other port":          {"https://localhost:8443", "localhost:8080", "/", "https://localhost:8443/"},
		"own port":            {"https://pong.example.org", "pong.example.org", "/play", "https://pong.example.org/play"},
		"another name":        {"https://localhost:8443", "box.local:8080", "/sign-in?next=%2Fplay", "https://box.local:8443/sign-in?next=%2Fplay"},
		"address of six":      {"https://localhost:8443", "[::1]:8080", "/", "https://[::1]:8443/"},
		"escapes stay":        {"https://localhost:8443", "localhost", "/a%2Fb?c=%0d%0a", "https://localhost:8443/a%2Fb?c=%0d%0a"},
		"slashes stay a path": {"https://localhost:8443", "localhost", "//evil.example/x", "https://localhost:8443//evil.example/x"},
		"not a host":          {"https://localhost:8443", "evil.example/@localhost", "/", ""},
		"line break":          {"https://localhost:8443", "localhost\r\nSet-Cookie: a=b", "/", ""},
		"no host":             {"https://localhost:8443", "", "/", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, err := url.Parse(test.base)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodPost, "http://site"+test.target, nil)
			r.Host = test.host
			w := httptest.NewRecorder()
			redirectTo(base).ServeHTTP(w, r)
			code := http.StatusPermanentRedirect
			if test.want == "" {
				code = http.StatusBadRequest
			}
			if got := w.Header().Get("Location"); w.Code != code || got != test.want {
				t.Errorf("answered %d to %q, want %d to %q", w.Code, got, code, test.want)
			}
		})
	}
}
