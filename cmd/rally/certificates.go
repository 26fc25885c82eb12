package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"sync/atomic"
	"time"
)

// certificates holds the certificate the site shows, and looks again now and
// then: for files that something else renews, and for its own, which it renews.
type certificates struct {
	load    func(now time.Time) (*tls.Certificate, error)
	current atomic.Pointer[tls.Certificate]
}

// newCertificates loads the first certificate; a site that cannot show one
// does not start.
func newCertificates(s settings) (*certificates, error) {
	c := &certificates{}
	switch s.TLS {
	case tlsFiles:
		c.load = func(time.Time) (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey)
			if err != nil {
				return nil, fmt.Errorf("RALLY_TLS_CERT and RALLY_TLS_KEY cannot be used: %w", err)
			}
			return &cert, nil
		}
	default:
		own := newAuthority(s.Data, certificateHosts(s.base))
		c.load = own.certificate
	}
	if err := c.refresh(time.Now()); err != nil {
		return nil, err
	}
	return c, nil
}

// refresh loads the certificate again; when that fails the last one stays.
func (c *certificates) refresh(now time.Time) error {
	cert, err := c.load(now)
	if err != nil {
		return err
	}
	c.current.Store(cert)
	return nil
}

// config gives TLS 1.2 and 1.3 with forward secrecy and authenticated
// encryption alone.
func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{ // of TLS 1.2; those of 1.3 are all good
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current.Load(), nil
		},
	}
}

// certificateHosts are the names the site's own certificate is good for.
func certificateHosts(base *url.URL) []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil && validHost(name) && name != "localhost" {
		hosts = append(hosts, name)
	}
	if host := base.Hostname(); host != "localhost" && validHost(host) {
		hosts = append(hosts, host)
	}
	return hosts
}

// clientTLS gives how a process on this machine checks the site's certificate:
// for its public name, against the site's own authority or, with files, the
// system's and the very certificate in the file.
func clientTLS(s settings) (*tls.Config, error) {
	roots := x509.NewCertPool()
	file := authorityFile(s.Data)
	if s.TLS == tlsFiles {
		file = s.TLSCert
		if system, err := x509.SystemCertPool(); err == nil {
			roots = system
		}
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the site's certificate: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: s.base.Hostname()}, nil
}
