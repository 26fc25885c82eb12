package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"rally/store"
)

type serveCommand struct{}

// Run is called by kong.
func (serveCommand) Run(ctx context.Context, c config, to streams) error {
	return run(ctx, c, to.out, to.err)
}

type versionCommand struct{}

// Run is called by kong.
func (versionCommand) Run(to streams) error {
	_, err := fmt.Fprintf(to.out, "rally %s\n", versionText())
	return err
}

type migrateCommand struct{}

// Run is called by kong.
func (migrateCommand) Run(ctx context.Context, c config, to streams) (err error) {
	s, err := c.settle()
	if err != nil {
		return err
	}
	log := newLog(to.err, s.level, s.Dev)
	h := &house{settings: s, log: log}
	defer func() { err = errors.Join(err, h.closing.run(ctx, log)) }()
	if err := makeDataFolder(s.Data); err != nil {
		return err
	}
	url, err := h.openDatabase(ctx)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Config{URL: url, Log: log})
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		return fmt.Errorf("bringing the database up to date: %w", err)
	}
	_, err = fmt.Fprintln(to.out, "The database is up to date.")
	return err
}

type healthcheckCommand struct{}

// healthcheckTime bounds the whole question; a server that is ready answers in
// a millisecond, and says itself within two seconds that it is not.
const healthcheckTime = 4 * time.Second

// Run is called by kong.
func (healthcheckCommand) Run(ctx context.Context, c config, to streams) error {
	s, err := c.settle()
	if err != nil {
		return err
	}
	client, err := localClient(s)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, healthcheckTime)
	defer cancel()
	scheme := "https"
	if s.TLS == tlsOff { // even if a proxy in front has it
		scheme = "http"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+s.base.Host+"/readyz", http.NoBody)
	if err != nil {
		return fmt.Errorf("asking the server: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1024))
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server is not ready: %s", strings.TrimSpace(string(answer)))
	}
	_, err = to.out.Write(answer)
	return err
}

// localClient makes requests for the site's own address to the server on this
// machine, past any proxy in front of it.
func localClient(s settings) (*http.Client, error) {
	addr, err := dialAddr(s.Addr)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, addr)
		},
	}
	if s.TLS == tlsOff {
		return &http.Client{Transport: transport}, nil
	}
	if transport.TLSClientConfig, err = clientTLS(s); err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport}, nil
}
