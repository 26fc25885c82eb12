package bus

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// What the embedded server's buckets may take.
const (
	maxMemory = 256 << 20 // bytes
	maxFiles  = 1 << 30   // bytes
)

// embedded is a NATS server in this process that nothing outside can reach.
type embedded struct {
	server *server.Server
	lock   *os.File // held while a folder that outlives the process is in use
	temp   string   // a folder to be removed at the end, or ""
}

// embed starts a server that keeps its buckets in dir, or in memory for "".
func embed(dir string) (*embedded, error) {
	e := new(embedded)
	if err := e.start(dir); err != nil {
		e.stop()
		return nil, fmt.Errorf("bus: embed: %w", err)
	}
	return e, nil
}

func (e *embedded) start(dir string) (err error) {
	if dir == "" {
		// The server wants a folder all the same, and leaves it empty.
		if dir, err = os.MkdirTemp("", "rally-bus-"); err != nil {
			return err
		}
		e.temp = dir
	} else if e.lock, err = lockFolder(dir); err != nil {
		return err
	}
	e.server, err = server.NewServer(&server.Options{
		ServerName:             "rally",
		DontListen:             true,
		NoSigs:                 true,
		NoLog:                  true,
		JetStream:              true,
		StoreDir:               dir,
		JetStreamMaxMemory:     maxMemory,
		JetStreamMaxStore:      maxFiles,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return err
	}
	e.server.Start()
	if !e.server.ReadyForConnections(startTimeout) {
		return errors.New("the server did not start in time")
	}
	if !e.server.JetStreamEnabled() { // it logs why, and starts without
		return fmt.Errorf("the server cannot keep anything in %s", dir)
	}
	return nil
}

// stop ends the server and waits for it. It does so for nil, too.
func (e *embedded) stop() {
	if e == nil {
		return
	}
	if e.server != nil {
		e.server.Shutdown()
		e.server.WaitForShutdown()
	}
	if e.temp != "" {
		_ = os.RemoveAll(e.temp) // in the system's folder for what may go
	}
	if e.lock != nil {
		_ = e.lock.Close()
	}
}

// storage says where the server is to keep buckets.
func (b *Bus) storage() jetstream.StorageType {
	if b.embedded != nil && b.embedded.temp != "" {
		return jetstream.MemoryStorage
	}
	return jetstream.FileStorage
}

// lockFolder makes dir if it is missing, and takes it for this process until
// the file is closed or the process ends.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("another Rally is using the bus in %s", dir)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return f, nil
}
