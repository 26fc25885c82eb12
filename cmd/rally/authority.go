package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// How long what the authority makes is good, and how long before its end a new
// one is made. Browsers refuse server certificates of more than 398 days.
const (
	authorityLife   = 10 * 365 * 24 * time.Hour
	authorityRenew  = 180 * 24 * time.Hour
	certificateLife = 90 * 24 * time.Hour
	certificateNew  = 30 * 24 * time.Hour
)

// authority makes the site's own certificate: a root of its own, kept in the
// data folder so that a person can tell a browser once to trust it, and from
// it a certificate for the names of this machine.
type authority struct {
	dir   string
	hosts []string
}

// authorityFile is where the root certificate is kept, in PEM.
func authorityFile(data string) string { return filepath.Join(data, "tls", "ca.pem") }

func newAuthority(data string, hosts []string) *authority {
	return &authority{dir: filepath.Join(data, "tls"), hosts: hosts}
}

// certificate gives one that is good now for every host and for another 30
// days at least: the one on disk, or a new one, which it stores there.
func (a *authority) certificate(now time.Time) (*tls.Certificate, error) {
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a folder for certificates: %w", err)
	}
	root, err := readPair(a.dir, "ca")
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, err
	case err != nil, now.After(root.Leaf.NotAfter.Add(-authorityRenew)):
		if root, err = a.makeRoot(now); err != nil {
			return nil, err
		}
	}
	leaf, err := readPair(a.dir, "cert")
	if err == nil && a.good(leaf.Leaf, root.Leaf, now) {
		return leaf, nil
	}
	// A broken server certificate is worth nothing to anybody: make another.
	return a.makeLeaf(root, now)
}

// good says whether leaf comes from root, names every host and lasts.
func (a *authority) good(leaf, root *x509.Certificate, now time.Time) bool {
	if leaf.CheckSignatureFrom(root) != nil || now.Before(leaf.NotBefore) || now.After(leaf.NotAfter.Add(-certificateNew)) {
		return false
	}
	for _, host := range a.hosts {
		if leaf.VerifyHostname(host) != nil {
			return false
		}
	}
	return true
}

// makeRoot makes and stores a root that may sign server certificates only.
func (a *authority) makeRoot(now time.Time) (*tls.Certificate, error) {
	return a.make("ca", &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Rally " + now.UTC().Format(time.DateOnly), Organization: []string{"Rally on " + a.hosts[len(a.hosts)-1]}},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(authorityLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, nil)
}

// makeLeaf makes and stores the server's certificate.
func (a *authority) makeLeaf(root *tls.Certificate, now time.Time) (*tls.Certificate, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: a.hosts[0]},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(certificateLife),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range a.hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return a.make("cert", template, root)
}

// make signs template with parent (nil: itself) and a new key, and stores both
// as name.pem and name.key.
func (a *authority) make(name string, template *x509.Certificate, parent *tls.Certificate) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key for %s: %w", name, err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, fmt.Errorf("making a serial number for %s: %w", name, err)
	}
	signer, signerKey := template, any(key)
	if parent != nil {
		signer, signerKey = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, key.Public(), signerKey)
	if err != nil {
		return nil, fmt.Errorf("making certificate %s: %w", name, err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding the key of %s: %w", name, err)
	}
	// The key first: a crash in between leaves a pair that does not match,
	// which is noticed, and never a certificate whose key is lost.
	if err := writeWhole(filepath.Join(a.dir, name+".key"), "PRIVATE KEY", keyDER, 0o600); err != nil {
		return nil, err
	}
	if err := writeWhole(filepath.Join(a.dir, name+".pem"), "CERTIFICATE", der, 0o644); err != nil {
		return nil, err
	}
	return readPair(a.dir, name)
}

// readPair reads what make stored; a pair that does not match is an error.
func readPair(dir, name string) (*tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"))
	if err != nil {
		return nil, fmt.Errorf("reading certificate %s in %s: %w", name, dir, err)
	}
	return &cert, nil
}

// writeWhole writes a PEM file so that a reader sees all of it or none.
func writeWhole(path, kind string, der []byte, mode fs.FileMode) error {
	temporary := path + ".new"
	err := os.WriteFile(temporary, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return fmt.Errorf("storing a certificate: %w", err)
	}
	return nil
}
