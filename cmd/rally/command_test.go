package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// command runs a command line and gives what it said.
func command(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = execute(t.Context(), args, streams{&stdout, &stderr})
	return code, stdout.String(), stderr.String()
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		code int
		out  string // is in the output
		err  string // is in what went wrong
	}{
		"version":           {[]string{"version"}, 0, "rally ", ""},
		"help":              {[]string{"--help"}, 0, "RALLY_ADDR", ""},
		"help of a command": {[]string{"bench", "matches", "--help"}, 0, "--matches", ""},
		"unknown command":   {[]string{"play"}, 2, "", "unexpected argument play"},
		"unknown flag":      {[]string{"--speed=11"}, 2, "", "unknown flag --speed"},
		"not a number":      {[]string{"--points=many"}, 2, "", "--points"},
		"bad settings":      {[]string{"--points=0", "--tls=perhaps"}, 1, "", "RALLY_TLS is \"perhaps\""},
		"too many matches":  {[]string{"bench", "--matches=30000"}, 1, "", "--matches is 30000"},
		"too fast":          {[]string{"bench", "--rate=60"}, 1, "", "--rate is 60"},
		"too long":          {[]string{"bench", "--duration=1h"}, 1, "", "--duration is 1h0m0s"},
		"nobody there":      {[]string{"healthcheck", "--tls=off", "--addr=127.0.0.1:1"}, 1, "", "does not answer"},
		"no certificate":    {[]string{"healthcheck", "--data=" + t.TempDir()}, 1, "", "ca.pem"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := command(t, test.args...)
			if code != test.code || !strings.Contains(out, test.out) || !strings.Contains(errs, test.err) {
				t.Errorf("exit %d, output %q, error %q", code, out, errs)
			}
		})
	}
}

func TestHealthcheckAsksTheRunningServer(t *testing.T) {
	t.Parallel()
	r := start(t, testConfig(t))
	args := []string{"healthcheck", "--addr=" + r.config.Addr, "--data=" + r.config.Data}
	if code, out, errs := command(t, args...); code != 0 || out != "ready\n" {
		t.Errorf("exit %d, output %q, error %q", code, out, errs)
	}
	r.stopWell()
	if code, _, errs := command(t, args...); code != 1 || !strings.Contains(errs, "does not answer") {
		t.Errorf("of a stopped server: exit %d, error %q", code, errs)
	}
}

func TestMigrateLeavesADatabaseReady(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	args := []string{"migrate", "--data=" + c.Data, "--database-url=" + c.DatabaseURL, "--log=error"}
	for range 2 {
		if code, out, errs := command(t, args...); code != 0 || !strings.Contains(out, "up to date") {
			t.Fatalf("exit %d, output %q, error %q", code, out, errs)
		}
	}
	start(t, c).expect("/readyz", http.StatusOK, "ready")
}
