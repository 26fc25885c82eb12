package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
	"golang.org/x/text/unicode/norm"
)

// One-time codes are those of RFC 6238 as every app knows them: HMAC-SHA1, six
// digits, a new one each 30 seconds.
const (
	codeSecretSize = 20 // bytes; RFC 4226 asks for 160 bits
	codeDigits     = otp.DigitsSix
	codePeriod     = 30 // seconds
	codeSkew       = 1  // steps that the two clocks may be apart
	codeIssuer     = "Rally"
)

// typedMax bounds what is looked at of a code that somebody typed, in bytes.
const typedMax = 64

// quietZone is the light margin of a QR code, in modules, that readers need.
const quietZone = 4

// base32Text writes secrets as apps take them.
var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewCodeSecret draws the secret that an account shares with its owner's app.
func NewCodeSecret() []byte {
	secret := make([]byte, codeSecretSize)
	_, _ = rand.Read(secret) // never fails: see crypto/rand.Read
	return secret
}

// CodeSecretText gives a secret for people who type it into their app.
func CodeSecretText(secret []byte) string { return base32Text.EncodeToString(secret) }

// CodeLink gives a secret as the address that apps open and QR codes hold;
// account is what the app lists it under, beside "Rally".
func CodeLink(secret []byte, account string) string {
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: codeIssuer, AccountName: account, Secret: secret,
		Digits: codeDigits, Period: codePeriod, Algorithm: otp.AlgorithmSHA1,
	})
	if err != nil { // only for an account without a name
		return CodeLink(secret, codeIssuer)
	}
	return key.URL()
}

// QR draws text as a QR code with its quiet zone: rows of modules from the top,
// true for dark. It fails when text is too long for one, some 2,000 bytes.
func QR(text string) ([][]bool, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("draw a QR code: %w", err)
	}
	bounds := code.Bounds()
	rows := make([][]bool, bounds.Dy()+2*quietZone)
	for y := range rows {
		rows[y] = make([]bool, bounds.Dx()+2*quietZone)
	}
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			luminance, _, _, _ := code.At(bounds.Min.X+x, bounds.Min.Y+y).RGBA()
			rows[quietZone+y][quietZone+x] = luminance == 0
		}
	}
	return rows, nil
}

// MatchCode says whether code, as somebody typed it, is a one-time code of
// secret at now or a step before or after, and which step's (counted from 1970
// in 30 seconds). Steps up to after do not count: their codes may have been
// used. Whoever accepts a code must keep its step, so that it works once. How
// long it takes does not depend on how much of a code is right.
func MatchCode(secret []byte, code string, now time.Time, after int64) (step int64, ok bool) {
	typed := normalizeCode(code)
	if len(typed) != codeDigits.Length() || len(secret) == 0 {
		return 0, false
	}
	text, today := CodeSecretText(secret), now.Unix()/codePeriod
	found := 0
	// The latest that matches: should two steps have the same code, both are spent.
	for s := today - codeSkew; s <= today+codeSkew; s++ {
		want, err := hotp.GenerateCodeCustom(text, uint64(s), hotp.ValidateOpts{Digits: codeDigits, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false
		}
		equal := subtle.ConstantTimeCompare([]byte(want), []byte(typed))
		if s <= after {
			equal = 0
		}
		found |= equal
		step = int64(subtle.ConstantTimeSelect(equal, int(s), int(step)))
	}
	return step, found == 1
}

// normalizeCode takes away what apps and people put between a code's digits,
// and makes other scripts' wide digits plain.
func normalizeCode(code string) string {
	if len(code) > typedMax {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, norm.NFKC.String(code))
}
