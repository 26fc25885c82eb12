package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// The names of the listeners.
const (
	siteListener    = "site"
	httpListener    = "http"
	metricsListener = "metrics"
)

// httpSetting names the one listener that can be left out and is there unless
// somebody does.
const httpSetting = "RALLY_HTTP_ADDR"

// listeners are the ports Rally has taken, and the servers on them.
type listeners struct {
	site, http, metrics net.Listener // the last two may be nil
	servers             []*http.Server
	serving             sync.WaitGroup
}

// listen takes the ports. Connections wait until serve.
func listen(ctx context.Context, s settings) (*listeners, error) {
	l := &listeners{}
	for _, want := range []struct {
		setting, addr string
		wanted        bool
		into          *net.Listener
	}{
		{"RALLY_ADDR", s.Addr, true, &l.site},
		{httpSetting, s.HTTPAddr, s.redirect, &l.http},
		{"RALLY_METRICS_ADDR", s.MetricsAddr, s.MetricsAddr != "", &l.metrics},
	} {
		if !want.wanted {
			continue
		}
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", want.addr)
		if err != nil {
			return nil, errors.Join(explainListen(want.setting, want.addr, err), l.close())
		}
		*want.into = listener
	}
	return l, nil
}

// explainListen says what to do about a port that cannot be had.
func explainListen(setting, addr string, err error) error {
	optional := ""
	if setting == httpSetting {
		optional = `, or to "off"`
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is taken: another program (perhaps another Rally) listens there; stop it, or set %s to another address%s",
			addr, setting, optional)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s may not be used by this user: set %s to a port from 1024 on", addr, setting)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s is not an address of this machine: set %s to one that is", addr, setting)
	default:
		return fmt.Errorf("%s cannot listen on %s: %w", setting, addr, err)
	}
}

// serve answers on every listener that was taken. What one of them cannot
// survive goes to failed. certs is nil when the site goes without TLS.
func (l *listeners) serve(log *slog.Logger, failed chan<- error, site, redirect, metrics http.Handler, certs *certificates) {
	start := func(name string, listener net.Listener, server *http.Server) {
		if listener == nil {
			return
		}
		server.ReadHeaderTimeout = 5 * time.Second
		server.MaxHeaderBytes = 16 << 10
		// What a stranger's handshake or connection fails with is noise.
		server.ErrorLog = slog.NewLogLogger(log.With("listener", name).Handler(), slog.LevelDebug)
		l.servers = append(l.servers, server)
		l.serving.Go(func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serving on %s: %w", listener.Addr(), err)
			}
		})
	}
	secured := l.site
	if certs != nil {
		secured = tls.NewListener(l.site, certs.config())
	}
	start(siteListener, secured, &http.Server{
		Handler: site, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
	})
	start(httpListener, l.http, &http.Server{
		Handler: redirect, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: 5 * time.Second,
	})
	// Profiles take as long as they were asked to.
	start(metricsListener, l.metrics, &http.Server{
		Handler: metrics, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Minute, IdleTimeout: time.Minute,
	})
}

// shutdown stops accepting at once and waits for the requests being answered,
// until ctx ends; then they are cut off. Sockets are the hub's to end.
func (l *listeners) shutdown(ctx context.Context) {
	var stopping sync.WaitGroup
	for _, server := range l.servers {
		stopping.Go(func() {
			if server.Shutdown(ctx) != nil {
				_ = server.Close() // that they were cut off is all there is to say
			}
		})
	}
	stopping.Wait()
	l.serving.Wait()
}

// LogValue gives the addresses taken, by listener.
func (l *listeners) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, named := range []struct {
		name     string
		listener net.Listener
	}{{siteListener, l.site}, {httpListener, l.http}, {metricsListener, l.metrics}} {
		if named.listener != nil {
			attrs = append(attrs, slog.String(named.name, named.listener.Addr().String()))
		}
	}
	return slog.GroupValue(attrs...)
}

// close gives the ports back.
func (l *listeners) close() error {
	var errs error
	for _, listener := range []net.Listener{l.site, l.http, l.metrics} {
		if listener == nil {
			continue
		}
		if err := listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = errors.Join(errs, err)
		}
	}
	return errs
}
