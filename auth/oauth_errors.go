package auth

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/oauth2"

	"rally"
)

// ErrDeclined is in the chain of Finish's error when the person, or the
// provider for them, said no.
var ErrDeclined = errors.New("the provider's answer is no")

// foreign is the error for an answer to what this browser did not ask.
func foreign(format string, args ...any) error {
	return rally.Errorf(rally.EMalformed, "oauth.state", format, args...)
}

func noProvider(name string) error {
	return rally.Errorf(rally.ENotFound, "error.not_found", "no provider %.40q", name)
}

// away is the error for a provider that is not there or makes no sense, unless
// err says better.
func away(err error) error {
	if _, ok := errors.AsType[*rally.Error](err); ok {
		return err
	}
	return &rally.Error{Code: rally.EUnavailable, Message: "oauth.away", Cause: &providerError{err}}
}

// exchangeError is the error for a code that could not be exchanged. One that
// the provider does not know, or not any more, is the browser's fault.
func exchangeError(err error) error {
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		switch e.ErrorCode {
		case "invalid_grant", "bad_verification_code": // the latter is GitHub's
			return foreign("the provider does not take the code: %.60q", e.ErrorCode)
		}
	}
	return away(err)
}

// providerError keeps what others write out of the log, but for the head of it.
type providerError struct{ err error }

// errorMax is how much of it is kept, in bytes.
const errorMax = 300

// Error gives what went wrong, on one line.
func (e *providerError) Error() string {
	if r, ok := errors.AsType[*oauth2.RetrieveError](e.err); ok {
		// Its own text is the whole answer, which may repeat what was sent.
		return fmt.Sprintf("the token endpoint answers %d, %.60q", r.Response.StatusCode, r.ErrorCode)
	}
	if timeout, ok := errors.AsType[net.Error](e.err); ok && timeout.Timeout() {
		return "no answer in time"
	}
	text := e.err.Error()
	return fmt.Sprintf("%q", text[:min(len(text), errorMax)])
}

// Unwrap gives the cause.
func (e *providerError) Unwrap() error { return e.err }
