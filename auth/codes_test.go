package auth_test

import (
	"encoding/base32"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rally/auth"
)

// rfcSecret is the secret of the test vectors in RFC 6238, appendix B.
const rfcSecret = "12345678901234567890"

// Requirement 17: the codes are those that every app shows.
func TestMatchCodeVectors(t *testing.T) {
	t.Parallel()
	for seconds, eight := range map[int64]string{
		59:          "94287082",
		1111111109:  "07081804",
		1111111111:  "14050471",
		1234567890:  "89005924",
		2000000000:  "69279037",
		20000000000: "65353130",
	} {
		code := eight[2:] // six digits are the last of eight
		step, ok := auth.MatchCode([]byte(rfcSecret), code, time.Unix(seconds, 0), 0)
		if !ok || step != seconds/30 {
			t.Errorf("at %d: %s gave step %d, %v", seconds, code, step, ok)
		}
		if _, ok := auth.MatchCode([]byte("another secret"), code, time.Unix(seconds, 0), 0); ok {
			t.Errorf("at %d: %s fits another secret", seconds, code)
		}
	}
}

// rfcTime is a time whose code, and that of the steps around it, is a vector
// of RFC 4226, appendix D: counter 5.
var rfcTime = time.Unix(5*30+7, 0)

// rfcCodes are the codes of the counters 0 to 9.
var rfcCodes = []string{
	"755224", "287082", "359152", "969429", "338314",
	"254676", "287922", "162583", "399871", "520489",
}

// Requirement 17: a clock may be one step ahead or behind, and no more.
func TestMatchCodeSkew(t *testing.T) {
	t.Parallel()
	for counter, code := range rfcCodes {
		want := counter >= 4 && counter <= 6
		step, ok := auth.MatchCode([]byte(rfcSecret), code, rfcTime, 0)
		if ok != want || (ok && step != int64(counter)) || (!ok && step != 0) {
			t.Errorf("the code of step %d gave %d, %v", counter, step, ok)
		}
	}
}

// Requirement 15: once the step of a code is kept, neither it nor one before it fits.
func TestMatchCodeOnlyAfter(t *testing.T) {
	t.Parallel()
	for counter := 4; counter <= 6; counter++ {
		for after := int64(3); after <= 7; after++ {
			_, ok := auth.MatchCode([]byte(rfcSecret), rfcCodes[counter], rfcTime, after)
			if want := int64(counter) > after; ok != want {
				t.Errorf("step %d after %d: %v", counter, after, ok)
			}
		}
	}
}

func TestMatchCodeAsTyped(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"254676":                           true,
		"254 676":                          true,
		" 2 5 4\u00a06 7 6\t\n":            true,
		"254-676":                          true,
		"２５４６７６":                           true, // as a Korean keyboard may write them
		"\u200e254676\u200f":               true, // pasted from a page written right to left
		"":                                 false,
		"25467":                            false,
		"2546760":                          false,
		"0254676":                          false,
		"25467a":                           false,
		"-254676e0":                        false,
		"٢٥٤٦٧٦":                           false,
		"254676\x00":                       false,
		"254676,338314":                    false,
		strings.Repeat(" ", 1<<20) + "1":   false,
		"254676" + strings.Repeat(" ", 99): false,
	} {
		if _, ok := auth.MatchCode([]byte(rfcSecret), code, rfcTime, 0); ok != want {
			t.Errorf("%.40q: %v", code, ok)
		}
	}
	if _, ok := auth.MatchCode(nil, rfcCodes[5], rfcTime, 0); ok {
		t.Error("a code fits no secret at all")
	}
}

// Requirement 17: at least 160 bits, another for each account.
func TestNewCodeSecret(t *testing.T) {
	t.Parallel()
	first, second := auth.NewCodeSecret(), auth.NewCodeSecret()
	if len(first)*8 < 160 || string(first) == string(second) {
		t.Errorf("secrets %x and %x", first, second)
	}
	text := auth.CodeSecretText(first)
	if back, err := base32.StdEncoding.DecodeString(text); err != nil || string(back) != string(first) || strings.Contains(text, "=") {
		t.Errorf("as text: %s", text)
	}
}

func TestCodeLink(t *testing.T) {
	t.Parallel()
	for _, account := range []string{"Ada", "Ada Lovelace", "박-서준_1.0"} {
		link, err := url.Parse(auth.CodeLink([]byte(rfcSecret), account))
		if err != nil {
			t.Fatal(err)
		}
		q := link.Query()
		if link.Scheme != "otpauth" || link.Host != "totp" || link.Path != "/Rally:"+account ||
			q.Get("secret") != "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" || q.Get("issuer") != "Rally" ||
			q.Get("algorithm") != "SHA1" || q.Get("digits") != "6" || q.Get("period") != "30" {
			t.Errorf("%s: %s", account, link)
		}
		if strings.Contains(link.String(), "+") { // apps show it as it is
			t.Errorf("a space is written as +: %s", link)
		}
	}
	if link := auth.CodeLink([]byte(rfcSecret), ""); !strings.HasPrefix(link, "otpauth://totp/Rally:Rally?") {
		t.Errorf("without an account: %s", link)
	}
}

func TestQR(t *testing.T) {
	t.Parallel()
	const finder = "1111111/1000001/1011101/1011101/1011101/1000001/1111111"
	for _, account := range []string{"Ada", strings.Repeat("박", 20)} {
		rows, err := auth.QR(auth.CodeLink([]byte(rfcSecret), account))
		if err != nil {
			t.Fatal(err)
		}
		size := len(rows) - 8
		if size < 21 || (size-21)%4 != 0 || size > 101 {
			t.Fatalf("%d modules a side", size)
		}
		at := func(x, y int) string {
			var got []string
			for _, row := range rows[y : y+7] {
				line := ""
				for _, dark := range row[x : x+7] {
					line += map[bool]string{false: "0", true: "1"}[dark]
				}
				got = append(got, line)
			}
			return strings.Join(got, "/")
		}
		for _, corner := range [][2]int{{4, 4}, {4 + size - 7, 4}, {4, 4 + size - 7}} {
			if got := at(corner[0], corner[1]); got != finder {
				t.Errorf("at %v there is %s", corner, got)
			}
		}
		for y, row := range rows {
			if len(row) != len(rows) {
				t.Fatalf("row %d has %d modules of %d", y, len(row), len(rows))
			}
			for x, dark := range row {
				if quiet := min(x, y, len(rows)-1-x, len(rows)-1-y) < 4; dark && quiet {
					t.Fatalf("the quiet zone is dark at %d, %d", x, y)
				}
			}
		}
	}
	if _, err := auth.QR(strings.Repeat("x", 5000)); err == nil {
		t.Error("no error for a text that fits into none")
	}
}

// Requirement 19: ten, hashed, each its own.
func TestNewRecoveryCodes(t *testing.T) {
	t.Parallel()
	codes, hashes := auth.NewRecoveryCodes()
	if len(codes) != 10 || len(hashes) != 10 {
		t.Fatalf("%d codes, %d hashes", len(codes), len(hashes))
	}
	seen := map[string]bool{}
	for i, code := range codes {
		hash, ok := auth.HashRecovery(code)
		if !ok || string(hash) != string(hashes[i]) || len(hash) != 32 {
			t.Errorf("%s: %x, %v", code, hash, ok)
		}
		if len(code) != 19 || strings.Count(code, "-") != 3 || strings.ToLower(code) != code || seen[code] {
			t.Errorf("code %s", code)
		}
		seen[code] = true
		if _, ok := auth.MatchCode([]byte(rfcSecret), code, rfcTime, 0); ok {
			t.Errorf("%s is also a one-time code", code)
		}
	}
}

func TestHashRecoveryAsTyped(t *testing.T) {
	t.Parallel()
	const code = "01ab-cd0e-1gh1-jk00"
	want, ok := auth.HashRecovery(code)
	if !ok {
		t.Fatal("no recovery code")
	}
	for _, typed := range []string{
		"01ABCD0E1GH1JK00", "01ab cd0e 1gh1 jk00", " 01ab-cd0e-1gh1-jk00\r\n", "01ab–cd0e—1gh1-jk00",
		"Olab-cdoe-IghL-jkOo", "oiabcdoelghijkoo", "０１ab-cd0e-1gh1-jk00",
	} {
		if got, ok := auth.HashRecovery(typed); !ok || string(got) != string(want) {
			t.Errorf("%q: %x, %v", typed, got, ok)
		}
	}
	for _, typed := range []string{
		"", "254676", "01ab-cd0e-1gh1-jk0", "01ab-cd0e-1gh1-jk000", "01ab-cd0e-1gh1-jku0",
		"01ab-cd0e-1gh1-jk0!", strings.Repeat("0", 1<<20), "01ab-cd0e-1gh1-jk0ß",
	} {
		if got, ok := auth.HashRecovery(typed); ok || got != nil {
			t.Errorf("%.40q: %x, %v", typed, got, ok)
		}
	}
	if other, ok := auth.HashRecovery("01ab-cd0e-1gh1-jk01"); !ok || string(other) == string(want) {
		t.Error("another code has the same hash")
	}
}

// Whatever somebody types is either refused or one of few codes.
func TestCodesTakeAnyText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.String().Draw(t, "typed")
		if step, ok := auth.MatchCode([]byte(rfcSecret), typed, rfcTime, 0); ok != (step >= 4 && step <= 6) {
			t.Fatal(step, ok)
		}
		if hash, ok := auth.HashRecovery(typed); ok != (len(hash) == 32) {
			t.Fatal(hash, ok)
		}
	})
}
