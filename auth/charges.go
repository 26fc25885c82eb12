package auth

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"rally"
)

// The kinds of charges. What they count against is in their name.
const (
	chargeSignIn        = "sign_in" // login from an address
	chargeSignInLogin   = "sign_in_login"
	chargeSignInAddress = "sign_in_address"
	chargeSignUpAddress = "sign_up_address"
	chargeCodeUser      = "code_user"
	chargeCodeAddress   = "code_address"
	chargeProof         = "proof" // user from an address
	chargeProofUser     = "proof_user"
	chargeResetAddress  = "reset_address"
	chargeResetEmail    = "reset_email"
	chargeLetterUser    = "letter_user"
	chargeLetterEmail   = "letter_email"
	chargeChallenge     = "challenge"
	chargeMessageSoon   = "message_soon"
	chargeMessageLong   = "message_long"
	chargeFriendUser    = "friend_user"
	chargeSearchUser    = "search_user"
	chargeRenameUser    = "rename_user"
)

// addressKinds are those that count against an address alone.
var addressKinds = []string{chargeSignInAddress, chargeSignUpAddress, chargeCodeAddress, chargeResetAddress}

// charge makes a Charge of which tries may follow each other at once; the first
// wait begins after the last of them.
func charge(kind string, tries int, wait, maxWait, window time.Duration, about ...string) rally.Charge {
	key := fmt.Sprintf("%q", about) // no two lists of parts are written alike
	return rally.Charge{Kind: kind, Key: key, Free: tries - 1, Wait: wait, MaxWait: maxWait, Window: window}
}

// SignInCharges is what a try to sign in with a password costs; login is what
// was typed for a name, known whether that account has been signed in to from
// address of late. Somebody who tries one account from many addresses is
// stopped, and its owner, at an address they come from, is not. The first charge
// counts against the login at the address, the second against the address.
func SignInCharges(login, address string, known bool) []rally.Charge {
	login, address = loginKey(login), addressKey(address)
	charges := []rally.Charge{
		charge(chargeSignIn, 5, 2*time.Second, 15*time.Minute, 15*time.Minute, login, address),
		charge(chargeSignInAddress, 60, 5*time.Second, 15*time.Minute, 15*time.Minute, address),
	}
	if !known {
		charges = append(charges, charge(chargeSignInLogin, 100, 30*time.Second, time.Hour, time.Hour, login))
	}
	return charges
}

// SignUpCharges is what making an account costs. Many people may share an
// address: a school, a dormitory.
func SignUpCharges(address string) []rally.Charge {
	return []rally.Charge{
		charge(chargeSignUpAddress, 300, 10*time.Second, 10*time.Minute, time.Hour, addressKey(address)),
	}
}

// CodeCharges is what a one-time or recovery code costs, in whatever session
// it is tried.
func CodeCharges(user rally.UserID, address string) []rally.Charge {
	return []rally.Charge{
		charge(chargeCodeUser, 5, 30*time.Second, time.Hour, 24*time.Hour, userKey(user)),
		charge(chargeCodeAddress, 40, 30*time.Second, time.Hour, time.Hour, addressKey(address)),
	}
}

// ProofCharges is what a password costs that somebody who is signed in enters
// once more. A stolen session may be tried from many addresses.
func ProofCharges(user rally.UserID, address string) []rally.Charge {
	return []rally.Charge{
		charge(chargeProof, 5, 30*time.Second, 15*time.Minute, 15*time.Minute, userKey(user), addressKey(address)),
		charge(chargeProofUser, 20, 30*time.Second, time.Hour, time.Hour, userKey(user)),
	}
}

// ResetCharges is what asking for a new password costs whoever asks.
func ResetCharges(address string) []rally.Charge {
	return []rally.Charge{
		charge(chargeResetAddress, 30, 30*time.Second, time.Hour, time.Hour, addressKey(address)),
	}
}

// ResetLetterCharges is what the letter of a reset costs, by where it goes. It
// may not be told: no letter goes out, and the answer is the same.
func ResetLetterCharges(email string) []rally.Charge {
	return []rally.Charge{charge(chargeResetEmail, 3, time.Hour, time.Hour, time.Hour, loginKey(email))}
}

// LetterCharges is what a letter costs that somebody who is signed in asks for.
func LetterCharges(user rally.UserID) []rally.Charge {
	return []rally.Charge{charge(chargeLetterUser, 5, time.Hour, time.Hour, time.Hour, userKey(user))}
}

// AskCharges is what a letter costs that asks at an address whose it is: it may
// be a stranger's, and nobody shall fill their box, with however many accounts.
// It may not be told: no letter goes out, and the answer is the same.
func AskCharges(email string) []rally.Charge {
	return []rally.Charge{charge(chargeLetterEmail, 5, time.Hour, time.Hour, time.Hour, loginKey(email))}
}

// FriendCharges is what asking somebody to be friends costs: nobody shall be able
// to knock at every door of the site.
func FriendCharges(user rally.UserID) []rally.Charge {
	return []rally.Charge{charge(chargeFriendUser, 30, 20*time.Second, 10*time.Minute, 10*time.Minute, userKey(user))}
}

// RenameCharges is what another name costs: all friends of whoever takes one are
// told on their open pages.
func RenameCharges(user rally.UserID) []rally.Charge {
	return []rally.Charge{charge(chargeRenameUser, 10, 30*time.Second, 10*time.Minute, 10*time.Minute, userKey(user))}
}

// SearchCharges is what looking for people by name costs: a person looks as often
// as they like, and who would copy all names out does not get far.
func SearchCharges(user rally.UserID) []rally.Charge {
	return []rally.Charge{charge(chargeSearchUser, 60, 2*time.Second, 15*time.Second, time.Minute, userKey(user))}
}

// MessageCharges is what a message costs whoever sends it at that time: there
// may be ten within ten seconds, and sixty within five minutes. Each such span
// is counted by itself, so that somebody who talks on and on without haste never
// waits.
func MessageCharges(user rally.UserID, now time.Time) []rally.Charge {
	spans := []struct {
		kind string
		max  int
		span time.Duration
	}{
		{chargeMessageSoon, 10, 10 * time.Second},
		{chargeMessageLong, 60, 5 * time.Minute},
	}
	charges := make([]rally.Charge, len(spans))
	for i, s := range spans {
		begin := now.UTC().Truncate(s.span)
		left := begin.Add(s.span).Sub(now)
		charges[i] = charge(s.kind, s.max, left, left, s.span, userKey(user), begin.Format(time.RFC3339))
	}
	return charges
}

// ChallengeCharges is what challenging somebody costs: each comes up on their
// page.
func ChallengeCharges(user rally.UserID) []rally.Charge {
	return []rally.Charge{charge(chargeChallenge, 20, 10*time.Second, 10*time.Minute, 10*time.Minute, userKey(user))}
}

func userKey(user rally.UserID) string { return strconv.FormatInt(int64(user), 10) }

// loginKey makes equal what may mean the same account: letter case, Unicode
// form and spaces.
func loginKey(login string) string {
	return strings.Join(strings.Fields(strings.ToLower(norm.NFKC.String(login))), " ")
}

// addressKey gives what stands for everybody at an address: of IPv6 the /64,
// within which one machine may have any address it likes.
func addressKey(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}
