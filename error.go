package rally

import (
	"errors"
	"fmt"
)

// Code says what kind of failure an Error is, for machines. handlers maps
// each code to one HTTP status.
type Code string

// The codes, all there are.
const (
	EMalformed    Code = "malformed"    // what was sent is no request Rally has offered
	EInvalid      Code = "invalid"      // what was sent cannot be accepted as it is
	EUnauthorized Code = "unauthorized" // nobody is signed in, or not far enough
	EForbidden    Code = "forbidden"    // signed in, and not allowed
	ENotFound     Code = "not_found"    // there is no such thing
	EConflict     Code = "conflict"     // it collides with the present state
	EThrottled    Code = "throttled"    // too often; RetryAfter says when
	EUnavailable  Code = "unavailable"  // a part Rally needs is away; try later
	EInternal     Code = "internal"     // a fault of ours
)

// Error is a failure with a code for machines, a message for people and a
// cause for the log.
type Error struct {
	Code Code
	// Message is an id of the message catalogue (views/locales), such as
	// "error.match_gone"; views turns it into a sentence in the reader's
	// language. It never holds text from outside.
	Message string
	// Fields maps a form field's name to the message id of what is wrong with
	// it. Only with EInvalid and EConflict.
	Fields map[string]string
	// RetryAfter, in seconds, is set with EThrottled and EUnavailable when it
	// is known.
	RetryAfter int
	// Cause is for the log alone; people never see it.
	Cause error
}

// Error gives code, message id and cause, for logs.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s", e.Code, e.Message)
	for field, id := range e.Fields {
		s += fmt.Sprintf(" [%s: %s]", field, id)
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an Error whose cause is the formatted text; %w keeps a wrapped
// error reachable.
func Errorf(code Code, message, format string, args ...any) *Error {
	return &Error{Code: code, Message: message, Cause: fmt.Errorf(format, args...)}
}

// ErrorCode gives the code of the first Error in err's chain, EInternal for
// any other error, and "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return EInternal
}
