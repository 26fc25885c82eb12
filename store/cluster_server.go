package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	serverPort   = "5432"                // only part of the socket's name
	pollTime     = 5 * time.Millisecond  // between looks at a file of the server's
	logSizeMax   = 8 << 20               // bytes; a larger server log is put aside at the next start
	lastWordsMax = 2 << 10               // bytes of the server log told when a start fails
	shmemBusy    = "is still in use"     // said by a server whose predecessor's processes are not all gone
	quitTime     = 3 * time.Second       // from the order to quit at once to giving up
	deafTime     = 5 * time.Second       // a server that was found may be silent this long
	retryTime    = 50 * time.Millisecond // before a start is tried again
)

// server is a postmaster: one we started, or one we found running.
type server struct {
	programs programs
	home     home
	data     string
	fast     bool
	log      *slog.Logger

	pid  int
	gone chan struct{} // closed when our child has ended; nil for one we found
	up   atomic.Bool   // it accepts connections, and nobody has asked it to end
}

// ensure finds the server running, or starts it, and gives the folder of its
// socket once it accepts connections. The caller holds the folder's lock, so
// no other Rally does the same.
func (s *server) ensure(ctx context.Context) (socket string, err error) {
	deaf := time.Now().Add(deafTime)
	for {
		pf, ok := readPidFile(s.data)
		switch {
		case !ok:
			return s.start(ctx)
		case !pf.running(s.data):
			// Left by a server that was killed. The number may belong to
			// somebody else by now, which would keep the new server from
			// starting.
			s.log.InfoContext(ctx, "the database was not stopped properly; it recovers now")
			if err := os.Remove(pf.path); err != nil {
				return "", err
			}
			if socketsAreTemporary(pf.socket) {
				if err := os.RemoveAll(pf.socket); err != nil {
					return "", err
				}
			}
			return s.start(ctx)
		case pf.ready():
			if err := ping(ctx, pf.socket); err == nil {
				s.log.InfoContext(ctx, "the database was still running; using it", "process", pf.pid)
				s.pid = pf.pid
				return pf.socket, nil
			}
			if time.Now().After(deaf) {
				// Somebody removed its socket, perhaps. It is nobody's but ours.
				s.log.WarnContext(ctx, "the database was still running but does not answer; restarting it", "process", pf.pid)
				_ = syscall.Kill(pf.pid, syscall.SIGINT) // fails only when it has just ended
				deaf = time.Now().Add(deafTime)
			}
		}
		// It is starting, or stopping: the file will say.
		if err := wait(ctx, pollTime); err != nil {
			return "", fmt.Errorf("the database (process %d) is neither there nor gone: %w", pf.pid, err)
		}
	}
}

// start starts the server and waits until it accepts connections. While the
// processes of a server that was killed are still ending, it tries again.
func (s *server) start(ctx context.Context) (socket string, err error) {
	if socket, err = s.home.socketFolder(); err != nil {
		return "", err
	}
	defer func() {
		if err != nil && socketsAreTemporary(socket) {
			err = errors.Join(err, os.RemoveAll(socket))
		}
	}()
	for {
		words, err := s.launch(ctx, socket)
		if err == nil {
			return socket, nil
		}
		if !strings.Contains(words, shmemBusy) {
			return "", fmt.Errorf("start the database: %w: %s", err, words)
		}
		if err := wait(ctx, retryTime); err != nil {
			return "", fmt.Errorf("start the database: %w: %s", err, words)
		}
	}
}

// launch starts the server once. When that fails it gives the server's last words.
func (s *server) launch(ctx context.Context, socket string) (words string, err error) {
	logFile, err := openLog(filepath.Join(s.home.dir, "server.log"))
	if err != nil {
		return "", err
	}
	defer func() { _ = logFile.Close() }()
	begin, err := logFile.Seek(0, 2)
	if err != nil {
		return "", err
	}
	lastWords := func() string { return readTail(logFile, begin) }

	cmd := exec.Command(s.programs.path("postgres"), s.arguments(socket)...) //nolint:gosec,noctx // outlives ctx
	cmd.Dir = s.home.dir
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if s.fast {
		dieWithParent(cmd.SysProcAttr, syscall.SIGQUIT)
	}
	s.home.owner.become(cmd)

	started, gone := make(chan error), make(chan struct{})
	go func() {
		// The server would take the end of the thread that started it for
		// the end of this process: keep the thread until it is over.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			err = cmd.Wait()
			if s.up.Load() {
				s.log.Error("the database's server has ended", "error", err)
			}
		}
		close(gone)
	}()
	if err := <-started; err != nil {
		return "", err
	}
	for {
		if pf, ok := readPidFile(s.data); ok && pf.pid == cmd.Process.Pid && pf.ready() {
			if err := ping(ctx, socket); err == nil {
				s.pid, s.gone = cmd.Process.Pid, gone
				s.up.Store(true)
				return "", nil
			}
		}
		select {
		case <-gone:
			return lastWords(), errors.New("the server ended")
		case <-ctx.Done():
			_ = cmd.Process.Signal(syscall.SIGQUIT) // it may have ended by now
			<-gone
			return lastWords(), ctx.Err()
		case <-time.After(pollTime):
		}
	}
}

// arguments gives the server's settings. They are all here, and none in the
// cluster's own files, so that a new Rally brings its own.
func (s *server) arguments(socket string) []string {
	args := []string{"-D", s.data}
	set := func(settings ...string) {
		for _, setting := range settings {
			args = append(args, "-c", setting)
		}
	}
	set(
		"listen_addresses=", "port="+serverPort,
		`unix_socket_directories="`+strings.ReplaceAll(socket, `"`, `""`)+`"`,
		"unix_socket_permissions=0700",
		"logging_collector=off", "log_destination=stderr",
		"wal_level=minimal", "max_wal_senders=0",
		"max_parallel_workers_per_gather=0", "jit=off",
	)
	if s.fast {
		set("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off",
			"shared_buffers=32MB", "max_connections=200", "max_wal_size=256MB")
	} else {
		set("shared_buffers=64MB", "max_connections=60", "max_wal_size=512MB")
	}
	return args
}

// stop ends the server and waits for it; see Cluster.Stop.
func (s *server) stop(ctx context.Context) error {
	s.up.Store(false)
	order := syscall.SIGINT // "fast": ends sessions, saves, exits
	if s.fast {
		order = syscall.SIGQUIT // "immediate"
	}
	s.signal(order)
	if s.awaitEnd(ctx) {
		return nil
	}
	s.signal(syscall.SIGQUIT)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), quitTime)
	defer cancel()
	if !s.awaitEnd(last) {
		return fmt.Errorf("the database (process %d) does not end", s.pid)
	}
	return nil
}

// signal sends sig to the server, unless it has ended.
func (s *server) signal(sig syscall.Signal) {
	if s.gone != nil {
		select {
		case <-s.gone:
			return
		default:
		}
	} else if pf, ok := readPidFile(s.data); !ok || pf.pid != s.pid || !pf.running(s.data) {
		return
	}
	_ = syscall.Kill(s.pid, sig) // fails only when it has just ended
}

// awaitEnd waits until the server has ended, and says whether it has.
func (s *server) awaitEnd(ctx context.Context) bool {
	if s.gone != nil {
		select {
		case <-s.gone:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for (pidFile{pid: s.pid}).running(s.data) {
		if wait(ctx, pollTime) != nil {
			return false
		}
	}
	return true
}

// ping connects once to the server whose socket is in this folder.
func ping(ctx context.Context, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, defaultPatience)
	defer cancel()
	conn, err := pgx.Connect(ctx, socketURL(socket, "postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// wait lets d pass, or gives the cause of ctx's end.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// openLog opens the server's log for appending; one that has grown large is
// put aside first.
func openLog(path string) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && info.Size() > logSizeMax {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
}

// readTail gives the end of what was written to f after begin.
func readTail(f *os.File, begin int64) string {
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	from := max(begin, info.Size()-lastWordsMax)
	b := make([]byte, info.Size()-from)
	n, _ := f.ReadAt(b, from) // as much as there is
	return strings.TrimSpace(string(b[:n]))
}
