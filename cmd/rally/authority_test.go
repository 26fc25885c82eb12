package main

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// issued asks for a certificate and checks it as a browser would that was told
// to trust the authority.
func issued(t *testing.T, data string, now time.Time, hosts ...string) *x509.Certificate {
	t.Helper()
	cert, err := newAuthority(data, hosts).certificate(now)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(authorityFile(data))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	for _, host := range hosts {
		if _, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: now}); err != nil {
			t.Errorf("not good for %s: %v", host, err)
		}
	}
	return cert.Leaf
}

func TestAuthorityKeepsAndRenews(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	hosts := []string{"localhost", "127.0.0.1", "::1", "box"}
	first := issued(t, data, now, hosts...)

	if again := issued(t, data, now.Add(59*24*time.Hour), hosts...); !again.Equal(first) {
		t.Error("a certificate good for another month was replaced")
	}
	if renewed := issued(t, data, now.Add(61*24*time.Hour), hosts...); renewed.Equal(first) {
		t.Error("a certificate in its last month was kept")
	}
	more := slices.Concat(hosts, []string{"pong.example.org"})
	if named := issued(t, data, now, more...); named.Equal(first) {
		t.Error("a certificate without the new name was kept")
	}
	// Years later the root is replaced too, before it ends.
	issued(t, data, now.Add(authorityLife-30*24*time.Hour), more...)
}

func TestAuthorityKeepsTheRootAPersonTrusts(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	now := time.Now()
	issued(t, data, now, "localhost")
	before, err := os.ReadFile(authorityFile(data))
	if err != nil {
		t.Fatal(err)
	}
	issued(t, data, now.Add(365*24*time.Hour), "localhost", "box")
	after, err := os.ReadFile(authorityFile(data))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("the root was replaced though it was good for years")
	}
}

func TestAuthorityReplacesWhatIsBroken(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"cert.pem", "cert.key", "ca.key", "ca.pem"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			issued(t, data, time.Now(), "localhost")
			if err := os.WriteFile(filepath.Join(data, "tls", name), []byte("rubbish"), 0o600); err != nil {
				t.Fatal(err)
			}
			issued(t, data, time.Now(), "localhost")
		})
	}
}

func TestAuthorityGuardsItsKeys(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	issued(t, data, time.Now(), "localhost")
	for _, name := range []string{"ca.key", "cert.key"} {
		info, err := os.Stat(filepath.Join(data, "tls", name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}
