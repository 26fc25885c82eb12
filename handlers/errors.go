package handlers

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// statusOf is the one place where codes become statuses.
func statusOf(code rally.Code) int {
	switch code {
	case rally.EMalformed:
		return http.StatusBadRequest
	case rally.EInvalid:
		return http.StatusUnprocessableEntity
	case rally.EUnauthorized:
		return http.StatusUnauthorized
	case rally.EForbidden:
		return http.StatusForbidden
	case rally.ENotFound:
		return http.StatusNotFound
	case rally.EConflict:
		return http.StatusConflict
	case rally.EThrottled:
		return http.StatusTooManyRequests
	case rally.EUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// problem is an error as a person is told of it.
type problem struct {
	status     int
	message    string // message id
	retryAfter int    // seconds, 0 unknown
}

// statusGone is what the log says when nobody waits for the answer any more;
// it is never sent.
const statusGone = 499

// explain turns any error into a problem.
func explain(r *http.Request, err error) problem {
	if e, ok := errors.AsType[*rally.Error](err); ok {
		return problem{status: statusOf(e.Code), message: e.Message, retryAfter: e.RetryAfter}
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		switch e.Code {
		case http.StatusNotFound:
			return problem{status: e.Code, message: "error.not_found"}
		case http.StatusMethodNotAllowed:
			return problem{status: e.Code, message: "error.method"}
		case http.StatusRequestEntityTooLarge:
			return problem{status: e.Code, message: "error.too_large"}
		case http.StatusBadRequest:
			return problem{status: e.Code, message: "error.invalid"}
		}
	}
	if errors.Is(err, context.Canceled) && errors.Is(r.Context().Err(), context.Canceled) {
		return problem{status: statusGone}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return problem{status: http.StatusServiceUnavailable, message: "error.busy", retryAfter: 5}
	}
	return problem{status: http.StatusInternalServerError, message: "error.internal"}
}

// fail answers a request that came to nothing: with a page, with a fragment
// for the status region where htmx asked for part of a page, or with one line
// of text where no person looks. When something is away it asks nobody anything,
// so it works with the database away.
func (s *Server) fail(c echo.Context, err error) {
	st, res := of(c), c.Response()
	st.err = err
	p := explain(c.Request(), err)
	if res.Committed {
		return // the line in the log is all there can be
	}
	if p.status == statusGone {
		res.Status = statusGone
		res.Committed = true
		return
	}
	setRetryAfter(c, p.retryAfter)
	if st.gate == Bare || st.gate == Socket {
		_ = c.String(p.status, http.StatusText(p.status)+"\n")
		return
	}
	page := views.ErrorPage{Page: s.barePage(c), Status: p.status, Message: p.message, RetryAfter: p.retryAfter}
	if p.status < http.StatusInternalServerError {
		s.framed(c, &page.Page)
		page.RequestID = "" // it would help nobody
	} else {
		page.Typed = c.Request().PostForm.Get("text") // a message; nothing else is long to write again
	}
	page.Path = s.wayBack(pathOf(c.Request()))
	component := views.Error(page)
	if isPartial(c.Request()) {
		// The fragment finds its own place; what the request would have
		// replaced stays.
		res.Header().Set("HX-Reswap", "none")
		component = views.Problem(page)
	}
	if err := s.html(c, p.status, component); err != nil && !res.Committed {
		st.err = errors.Join(st.err, err)
		_ = c.String(http.StatusInternalServerError, http.StatusText(http.StatusInternalServerError)+"\n")
	}
}

// formProblem says whether an error can be shown within a form, and how.
func formProblem(c echo.Context, err error) (status int, words *rally.Error, ok bool) {
	words, ok = errors.AsType[*rally.Error](err)
	if !ok {
		return 0, nil, false
	}
	switch words.Code {
	case rally.EInvalid, rally.EConflict, rally.EUnauthorized:
	case rally.EThrottled, rally.EUnavailable:
		setRetryAfter(c, words.RetryAfter)
	default:
		return 0, nil, false
	}
	of(c).err = err
	return statusOf(words.Code), words, true
}

// wait gives the seconds to wait before another try, 0 for none.
func wait(words *rally.Error) int {
	if words.Code != rally.EThrottled {
		return 0
	}
	return words.RetryAfter
}

// setRetryAfter says in how many seconds to try again, if that is known.
func setRetryAfter(c echo.Context, seconds int) {
	if seconds > 0 {
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(seconds))
	}
}

// formError says why a form could not be read.
func formError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(err)
	}
	return echo.NewHTTPError(http.StatusBadRequest).SetInternal(err)
}

func tooLarge(err error) error {
	return echo.NewHTTPError(http.StatusRequestEntityTooLarge).SetInternal(err)
}

// notFound is the answer for a page that is not there.
func notFound() error { return echo.NewHTTPError(http.StatusNotFound) }
