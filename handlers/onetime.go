package handlers

import (
	"context"
	"strconv"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
)

// factorAbout is what the secret of an account's one-time codes is sealed for:
// put into another account's row, it does not open.
func factorAbout(user rally.UserID) string { return "factor:" + strconv.FormatInt(int64(user), 10) }

// spendCode says whether code is a one-time code or a recovery code of this
// account that has not been used, and uses it up. Every try counts against
// account and address, wherever a code is asked for, until one is right.
// EThrottled when there were too many.
func (s *Server) spendCode(c echo.Context, user rally.UserID, code string) (ok bool, err error) {
	ctx := c.Request().Context()
	charges := auth.CodeCharges(user, of(c).address)
	if err := s.c.Throttles.Charge(ctx, charges...); err != nil {
		return false, err
	}
	charged := s.c.Now()
	if ok, err = s.matchCode(ctx, c, user, code); err != nil || !ok {
		return false, err
	}
	return true, s.c.Throttles.Forgive(ctx, charged, charges...)
}

// matchCode is spendCode without the throttles.
func (s *Server) matchCode(ctx context.Context, c echo.Context, user rally.UserID, code string) (ok bool, err error) {
	factor, err := s.c.Factors.FindFactor(ctx, user)
	switch {
	case rally.ErrorCode(err) == rally.ENotFound: // turned off meanwhile
		return false, nil
	case err != nil:
		return false, err
	}
	if hash, is := auth.HashRecovery(code); is {
		first, left, err := s.c.Factors.SpendRecovery(ctx, user, hash)
		if err == nil && first {
			s.securityEvent(c, rally.SecurityRecoveryUsed, user, strconv.Itoa(left))
		}
		return first, err
	}
	secret, err := s.c.Sealer.Open(factor.Sealed, factorAbout(user))
	if err != nil {
		return false, err
	}
	step, ok := auth.MatchCode(secret, code, s.c.Now(), factor.LastStep)
	if !ok {
		return false, nil
	}
	return s.c.Factors.SpendStep(ctx, user, step)
}
