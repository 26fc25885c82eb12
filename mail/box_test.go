package mail_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/mail"
)

func TestBoxKeepsTheNewest(t *testing.T) {
	t.Parallel()
	box := mail.NewBox(3)
	for i := range 5 {
		if err := box.Send(t.Context(), rally.Mail{To: "ada@example.org", Subject: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	mails, at := box.Mails()
	if len(mails) != 3 || len(at) != 3 {
		t.Fatalf("%d e-mails, %d times", len(mails), len(at))
	}
	for i, want := range []string{"4", "3", "2"} {
		if mails[i].Subject != want || time.Since(at[i]) > time.Minute {
			t.Errorf("%d: %q of %s", i, mails[i].Subject, at[i])
		}
	}
}

func TestBoxMayBeUsedByManyAtOnce(t *testing.T) {
	t.Parallel()
	box := mail.NewBox(10)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			_ = box.Send(t.Context(), rally.Mail{To: "ada@example.org"})
			if mails, at := box.Mails(); len(mails) != len(at) || len(mails) > 10 {
				t.Errorf("%d e-mails, %d times", len(mails), len(at))
			}
		})
	}
	all.Wait()
}
