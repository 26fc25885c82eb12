package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rally/mail"
)

func TestSettleFindsTheMailServer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config mailConfig
		want   *mail.Config
	}{
		"none": {mailConfig{}, nil},
		"little": {
			mailConfig{SMTPHost: "relay", SMTPFrom: "rally@example.org"},
			&mail.Config{Host: "relay", From: "rally@example.org"},
		},
		"all": {
			mailConfig{SMTPHost: "relay", SMTPPort: 465, SMTPUser: "u", SMTPPassword: "p", SMTPFrom: "Rally <rally@example.org>", SMTPTLS: "tls"},
			&mail.Config{Host: "relay", Port: 465, User: "u", Password: "p", From: "Rally <rally@example.org>", TLS: "tls"},
		},
		"a relay next door":       {mailConfig{SMTPHost: "relay", SMTPFrom: "a@b.org", SMTPTLS: "off"}, &mail.Config{Host: "relay", From: "a@b.org", TLS: "off"}},
		"a password to ourselves": {mailConfig{SMTPHost: "::1", SMTPFrom: "a@b.org", SMTPTLS: "off", SMTPUser: "u", SMTPPassword: "p"}, &mail.Config{Host: "::1", From: "a@b.org", TLS: "off", User: "u", Password: "p"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := plain()
			c.mailConfig = test.config
			s, err := c.settle()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, s.smtp); diff != "" {
				t.Error(diff)
			}
			if _, _, err := openMail(s); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSettleSaysWhatIsWrongWithMail(t *testing.T) {
	t.Parallel()
	whole := mailConfig{SMTPHost: "relay", SMTPFrom: "rally@example.org", SMTPUser: "u", SMTPPassword: "hunter2"}
	for name, test := range map[string]struct {
		change func(*mailConfig)
		want   string
	}{
		"no host":            {func(c *mailConfig) { c.SMTPHost = "" }, "RALLY_SMTP_HOST is missing"},
		"no sender":          {func(c *mailConfig) { c.SMTPFrom = "" }, "RALLY_SMTP_FROM is missing"},
		"no address":         {func(c *mailConfig) { c.SMTPFrom = "rally" }, `RALLY_SMTP_FROM is "rally"`},
		"no user":            {func(c *mailConfig) { c.SMTPUser = "" }, "RALLY_SMTP_USER and RALLY_SMTP_PASSWORD"},
		"no password":        {func(c *mailConfig) { c.SMTPPassword = "" }, "RALLY_SMTP_USER and RALLY_SMTP_PASSWORD"},
		"no port":            {func(c *mailConfig) { c.SMTPPort = 70000 }, "RALLY_SMTP_PORT is 70000"},
		"no such TLS":        {func(c *mailConfig) { c.SMTPTLS = "ssl" }, `RALLY_SMTP_TLS is "ssl": choose starttls, tls or off`},
		"password for all":   {func(c *mailConfig) { c.SMTPTLS = "off" }, "would cross the network"},
		"several things":     {func(c *mailConfig) { c.SMTPPort, c.SMTPFrom = -1, "" }, "RALLY_SMTP_PORT"},
		"two in one address": {func(c *mailConfig) { c.SMTPFrom = "a@b.org\r\nBcc: c@d.org" }, "RALLY_SMTP_FROM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := plain()
			c.mailConfig = whole
			test.change(&c.mailConfig)
			_, err := c.settle()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}
