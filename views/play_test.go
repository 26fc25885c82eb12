package views_test

import (
	"testing"
	"time"

	"rally/views"
)

func TestPlay(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.Play(views.PlayPage{Page: member("/play"), InQueue: 2}))
	d.has("#queue form[action='/play'][data-hx-target='#queue'] button",
		"form[action='/practice'] input[name=level][value='1']",
		"form[action='/practice'] input[name=level][value='2']",
		"form[action='/practice'] input[name=level][value='3']")
	d.says("main", "1534")
	d.says("#queue", "2 people are waiting")
	d.lacks("noscript", "time[data-count]")
}

func TestPlayWaiting(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.Play(views.PlayPage{Page: member("/play"), Waiting: true, Waited: 62 * time.Second, InQueue: 1}))
	d.has("#queue form[action='/play/leave'] button", "time[data-count=up][datetime=PT62S]", "head noscript")
	d.says("#queue", "1:02")
	d.says("#queue", "You are the only one waiting")
	d.lacks("form[action='/play']")
}

func TestPlayWithAMatch(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.Play(views.PlayPage{Page: member("/play"), Live: someMatch}))
	d.has("#queue a[href='/matches/abcdefghijkl']")
	d.lacks("#queue form")
}

func TestCall(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.PushCall(views.CallBanner{Match: someMatch}))
	d.has("hx-partial[data-hx-target$=' #call'][data-hx-swap=innerHTML] a[href='/matches/abcdefghijkl']",
		"[data-hx-get='/play'][data-hx-trigger^='load'][data-hx-swap=none]")
	d = render(t, "en", views.PushCall(views.CallBanner{Match: someMatch, Back: true}))
	d.has("hx-partial a[href='/matches/abcdefghijkl']")
	d.says("p", "You are in a match")
	d.lacks("[data-hx-trigger]")
}

func TestProblem(t *testing.T) {
	t.Parallel()
	p := member("/play")
	d := render(t, "en", views.Problem(views.ErrorPage{Page: p, Status: 503, Message: "error.busy", RetryAfter: 1}))
	d.has("hx-partial[data-hx-target='#status']")
	d.says("hx-partial", "try again in 1 second.")
	d.says("code", p.RequestID)
}
