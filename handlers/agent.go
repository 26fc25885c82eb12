package handlers

import (
	"strings"

	"rally"
	"rally/views"
)

// mark is a piece of a User-Agent header and the name of what it gives away.
type mark struct{ piece, name string }

// browserMarks and systemMarks go from the particular to the general: nearly
// every browser calls itself by the names of others as well.
var (
	browserMarks = []mark{
		{"Edg/", "Edge"},
		{"EdgA/", "Edge"},
		{"EdgiOS/", "Edge"},
		{"OPR/", "Opera"},
		{"OPT/", "Opera"},
		{"Opera/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"FxiOS/", "Firefox"},
		{"Firefox/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"Chrome/", "Chrome"},
		{"Version/", "Safari"},
	}
	systemMarks = []mark{
		{"CrOS", "ChromeOS"},
		{"Android", "Android"},
		{"iPhone", "iOS"},
		{"iPad", "iOS"},
		{"iPod", "iOS"},
		{"Windows", "Windows"},
		{"Macintosh", "macOS"},
		{"Linux", "Linux"},
		{"X11", "Linux"},
	}
)

// browserOf says by which browser, on which system, a User-Agent header claims
// to have been sent; "" for what it does not say. It gives only names of its
// own, never a piece of the header: that is written by whoever sends it.
func browserOf(agent string) (browser, system string) {
	browser = named(agent, browserMarks)
	if browser == "Safari" && !strings.Contains(agent, "Safari/") {
		browser = ""
	}
	return browser, named(agent, systemMarks)
}

// named gives the name of the first mark that is found.
func named(agent string, marks []mark) string {
	for _, m := range marks {
		if strings.Contains(agent, m.piece) {
			return m.name
		}
	}
	return ""
}

// deviceOf gives a session as its owner sees it, from the session own.
func deviceOf(v rally.Session, own rally.SessionID) views.Device {
	d := views.Device{
		ID: v.ID, Address: v.Address, SeenAt: v.SeenAt, Since: v.CreatedAt, Own: v.ID == own, Live: v.Live,
	}
	d.Browser, d.System = browserOf(v.UserAgent)
	return d
}
