package handlers

import "testing"

func TestLocalPath(t *testing.T) {
	t.Parallel()
	same := []string{"/", "/play", "/players/7?before=abc%3D", "/matches/abcdefghijkl", "/a/b?c=d&e=%2F%2Ff", "/%EA%B0%80", "/a//b"}
	for _, s := range same {
		if got := localPath(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	refused := []string{
		"", "play", "//e", "//e/play", "///e", `/\e`, `\\e`, `\/e`, "/\t/e", "/\r\nSet-Cookie: a=b", "/\n/e", "\t//e", " //e",
		"https:e", "https://e", "http:/e", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x",
		"%2f%2fe", "/%2f%2fe", "/%2Fe", "/%5ce", "/%5C%5Ce", "/a%0d%0ab", "/%00", "/%zz", "?next=/", "#x", "e.example/", "@e", ".//e", "../e",
		"/\x7f", "/\x00",
	}
	for _, s := range refused {
		if got := localPath(s); got != "/" {
			t.Errorf("%q became %q", s, got)
		}
	}
	// A fragment is the browser's own business.
	if got := localPath("/play#court"); got != "/play" {
		t.Errorf("a fragment gave %q", got)
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/", "//e", `/\e`, "/%2f%2fe", "/a?b#c", "https:e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := localPath(s)
		if !plainPath(got) {
			t.Errorf("%q became %q", s, got)
		}
		if again := localPath(got); again != got {
			t.Errorf("%q became %q, and that %q", s, got, again)
		}
	})
}

// TestNextFrom: nobody is sent back to a page that they only pass, however it is
// written: that could go round for ever.
func TestNextFrom(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"": "", "/play": "/play", "/settings/security?done=x": "/settings/security?done=x", "//e": "/", "https:e": "/",
		"/sign-in": "", "/sign-in/elsewhere?next=%2Fplay": "", "/sign-in/code": "", "/sign-up": "", "/sign-out": "",
		"/settings/proof": "", "/settings/proof?next=%2Fsettings%2Fproof": "", "/settings/./proof": "",
		"/sign%2Din/elsewhere": "", "/x/../sign-in": "", "/sign-in/": "", "/live": "", "/live/token": "", "/links/x": "",
		"/sign-ins": "/sign-ins", "/lively": "/lively",
	} {
		if got := nextFrom(next); got != want {
			t.Errorf("%q became %q, want %q", next, got, want)
		}
	}
}
