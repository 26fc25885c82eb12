package auth

import (
	"errors"

	"rally"
)

// Verdict is what a session and a token together amount to.
type Verdict struct {
	// Stage is how far the browser has come. Gates look at nothing else.
	Stage rally.Stage
	// Mint: put a fresh token beside the session.
	Mint bool
	// End: the session must end and both cookies go.
	End bool
	// Alarm is SecurityForgedToken for what is no token of ours and
	// SecurityForeignToken for one of another session; "" is nothing.
	Alarm rally.SecurityKind
}

// Decide turns the session that a request's cookie opened (nil: none) and its
// token ("": none) into a verdict. It is the whole of the gate and has no
// effects: a pure function of its arguments, the keys and the clock.
//
//	session      token                    verdict
//	none         none                     anonymous
//	none         ours, live or expired    anonymous: a token alone opens nothing
//	none         anything else            anonymous, alarm
//	otp          none                     otp
//	otp          anything                 anonymous, the session ends, alarm: no token exists yet
//	full         none                     anonymous: a session alone opens nothing
//	full         of it, live              full
//	full         of it, expired           full, a new token is minted
//	full         of another session       anonymous, the session ends, alarm
//	full         anything else            anonymous, the session ends, alarm
//
// "Of it" is: the same sid and the same user.
func (t *Tokens) Decide(session *rally.Session, token string) Verdict {
	stage := rally.StageAnonymous
	if session != nil {
		stage = session.Stage
	}
	if token == "" {
		if stage == rally.StageOTP {
			return Verdict{Stage: rally.StageOTP}
		}
		return Verdict{}
	}
	claims, err := t.Verify(token)
	expired := errors.Is(err, ErrTokenExpired)
	if err != nil && !expired {
		return Verdict{End: session != nil, Alarm: rally.SecurityForgedToken}
	}
	switch {
	case session == nil:
		return Verdict{}
	case stage != rally.StageFull, claims.Session != session.ID, claims.User != session.UserID:
		return Verdict{End: true, Alarm: rally.SecurityForeignToken}
	case expired:
		return Verdict{Stage: rally.StageFull, Mint: true}
	default:
		return Verdict{Stage: rally.StageFull}
	}
}
