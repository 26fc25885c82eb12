package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// clusterUser is the one database user of a private cluster, its owner.
const clusterUser = "rally"

// clusterStartTime bounds StartCluster; after a crash of the machine the
// server may have much to recover.
const clusterStartTime = 2 * time.Minute

// ClusterConfig says where a private PostgreSQL cluster lives.
type ClusterConfig struct {
	// Dir is the cluster's folder; it is made when it is not there. A cluster
	// that is already in it is used as it is.
	Dir string
	// Log is told what a person at the terminal should know; nil discards it.
	Log *slog.Logger
	// Fast is for tests: nothing is ever synced to disk, stopping does not
	// save, and the server goes down with the process that started it (on
	// Linux). A crash loses the data.
	Fast bool
}

// Cluster is a PostgreSQL server of Rally's own. It listens on a Unix socket in
// a folder that only its own system user may enter (and root), and on nothing
// else; whoever can reach the socket is let in without a password.
//
// PostgreSQL refuses to run as root. Started by root, the server runs as the
// owner of its data, or else as the user "postgres" or "nobody"; where that
// user cannot reach ClusterConfig.Dir, everything lies in a folder under
// /var/lib/rally instead, and the log says so.
//
// The server is in a process group of its own, so that Ctrl-C at the terminal
// reaches Rally alone. When Rally dies without a Stop the server stays, and the
// next StartCluster takes it over.
type Cluster struct {
	dir    string // the folder, where it really is
	socket string // the folder of the socket
	fast   bool
	log    *slog.Logger
	lock   *os.File
	server *server

	stopping sync.Mutex
	stopped  bool
}

// StartCluster starts the cluster in cfg.Dir, making it first when there is
// none, and returns once it accepts connections. The error is ErrNoBinaries
// when PostgreSQL is not installed; it names the other process when one is
// already using the folder.
func StartCluster(ctx context.Context, cfg ClusterConfig) (_ *Cluster, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("store: StartCluster: %w", err)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, clusterStartTime)
	defer cancel()

	c := &Cluster{fast: cfg.Fast, log: cfg.Log}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	home, err := findHome(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if c.dir = home.dir; home.moved {
		c.log.WarnContext(ctx, "the database's own user cannot reach its folder; using another",
			"folder", cfg.Dir, "user", home.owner.name, "instead", home.dir)
	}
	if c.lock, err = lockFolder(home.dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = unlockFolder(c.lock) // nothing was written
		}
	}()

	data := filepath.Join(home.dir, "data")
	programs, err := findPrograms(ctx, programDirs(ctx), dataVersion(data))
	if err != nil {
		return nil, err
	}
	if dataVersion(data) == 0 {
		c.log.InfoContext(ctx, "making a database", "folder", home.dir, "postgresql", programs.version)
		if err := initData(ctx, programs, home, cfg.Fast); err != nil {
			return nil, err
		}
	}
	c.server = &server{programs: programs, home: home, data: data, fast: cfg.Fast, log: c.log}
	if c.socket, err = c.server.ensure(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// Dir gives the folder the cluster is in: ClusterConfig.Dir as an absolute
// path, or the one that took its place.
func (c *Cluster) Dir() string { return c.dir }

// URL gives the connection string of a database of the cluster.
func (c *Cluster) URL(database string) string { return socketURL(c.socket, database) }

// ClusterURL gives the connection string of a database of the cluster that
// another process is running in dir (see ClusterConfig): for commands beside
// the server. It fails when none is running.
func ClusterURL(dir, database string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return "", fmt.Errorf("store: ClusterURL: %w", err)
	}
	for _, d := range []string{abs, spareFolder(abs)} {
		data := filepath.Join(d, "data")
		if pf, ok := readPidFile(data); ok && pf.ready() && pf.running(data) {
			return socketURL(pf.socket, database), nil
		}
	}
	return "", fmt.Errorf("store: ClusterURL: no database is running in %s", abs)
}

// socketURL gives the connection string of a database of the server whose
// socket is in this folder.
func socketURL(socket, database string) string {
	q := url.Values{"host": {socket}, "port": {serverPort}, "sslmode": {"disable"}}
	u := url.URL{Scheme: "postgres", User: url.User(clusterUser), Path: "/" + database, RawQuery: q.Encode()}
	return u.String()
}

// Stop stops the server, waits until it is gone, and frees the folder. When
// ctx ends first the server is stopped at once, as by a crash, which it will
// recover from. Stop may be called more than once; only the first does anything.
func (c *Cluster) Stop(ctx context.Context) error {
	c.stopping.Lock()
	defer c.stopping.Unlock()
	if c.stopped {
		return nil
	}
	c.stopped = true
	err := c.server.stop(ctx)
	if socketsAreTemporary(c.socket) {
		err = errors.Join(err, os.RemoveAll(c.socket))
	}
	err = errors.Join(err, unlockFolder(c.lock))
	if err != nil {
		return fmt.Errorf("store: Cluster.Stop: %w", err)
	}
	return nil
}

// RemoveCluster removes the cluster in dir with all its data, ending the server
// if one was left running there. It fails when a process is using the cluster.
func RemoveCluster(ctx context.Context, dir string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("store: RemoveCluster: %w", err)
		}
	}()
	home, err := findHome(dir)
	if err != nil {
		return err
	}
	lock, err := lockFolder(home.dir)
	if err != nil {
		return err
	}
	defer func() { _ = unlockFolder(lock) }()
	data := filepath.Join(home.dir, "data")
	if pf, ok := readPidFile(data); ok && pf.running(data) {
		left := &server{data: data, pid: pf.pid, fast: true}
		if err := left.stop(ctx); err != nil {
			return err
		}
		if socketsAreTemporary(pf.socket) {
			err = os.RemoveAll(pf.socket)
		}
	}
	err = errors.Join(err, os.RemoveAll(home.dir))
	if home.moved {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// EnsureDatabase makes an empty database unless there is one of that name.
func (c *Cluster) EnsureDatabase(ctx context.Context, name string) error {
	const duplicateDatabase = "42P04"
	err := c.exec(ctx, "CREATE DATABASE "+quoted(name))
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == duplicateDatabase {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("store: Cluster.EnsureDatabase: %w", err)
	}
	return nil
}

// CloneDatabase makes a database as a copy of template, to which nobody may be
// connected. Several may be made of one template at once.
func (c *Cluster) CloneDatabase(ctx context.Context, name, template string) error {
	if err := c.exec(ctx, "CREATE DATABASE "+quoted(name)+" TEMPLATE "+quoted(template)); err != nil {
		return fmt.Errorf("store: Cluster.CloneDatabase: %w", err)
	}
	return nil
}

// DropDatabase removes a database, if it is there, whoever is connected to it.
func (c *Cluster) DropDatabase(ctx context.Context, name string) error {
	if err := c.exec(ctx, "DROP DATABASE IF EXISTS "+quoted(name)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("store: Cluster.DropDatabase: %w", err)
	}
	return nil
}

// exec runs one statement on a connection of its own.
func (c *Cluster) exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, sql)
	return err
}

// quoted gives a database's name as SQL writes it.
func quoted(name string) string {
	return pgx.Identifier{strings.ReplaceAll(name, "\x00", "")}.Sanitize()
}
