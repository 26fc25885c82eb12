package live_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"rally"
	"rally/live"
)

// Idle clients run in a process of their own, so that their memory is not
// counted: the test binary, started again with these in its environment.
const (
	envClients = "RALLY_LIVE_TEST_CLIENTS" // how many
	envAddress = "RALLY_LIVE_TEST_ADDRESS"
	envTLS     = "RALLY_LIVE_TEST_TLS" // "true" for TLS
)

func TestMain(m *testing.M) {
	if n, _ := strconv.Atoi(os.Getenv(envClients)); n > 0 {
		if err := idleClients(n, os.Getenv(envAddress), os.Getenv(envTLS) == "true"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// idleClients opens n sockets, says so on standard output and keeps them until
// standard input ends.
func idleClients(n int, address string, secure bool) error {
	for range n {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		if secure {
			conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		}
		if _, err := io.WriteString(conn, rawHandshake(address, "?stage=full")); err != nil {
			return err
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err
		}
		if answer.StatusCode != http.StatusSwitchingProtocols {
			return fmt.Errorf("handshake: %s", answer.Status)
		}
		defer func() { _ = conn.Close() }()
	}
	fmt.Println("open")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// BenchmarkIdle reports what an idle socket costs this process: bytes of heap
// and of stacks after a collection, and of resident memory once everything free
// was given back.
func BenchmarkIdle(b *testing.B) {
	const n = 3000
	for _, secure := range []bool{false, true} {
		b.Run(fmt.Sprintf("tls=%v", secure), func(b *testing.B) {
			hub := live.NewHub(live.Config{})
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				v := rally.Viewer{Stage: rally.StageFull, Session: rally.SessionID(r.RemoteAddr)}
				if err := hub.Serve(w, r, v, func(*live.Conn) live.Receiver { return deaf{} }); err != nil {
					b.Error(err)
				}
			}))
			if secure {
				server.StartTLS()
			} else {
				server.Start()
			}
			defer server.Close()
			defer hub.Shutdown(context.Background())

			before := memory(b)
			leave := startIdleClients(b, n, server.Listener.Addr().String(), secure)
			after := memory(b)
			if got := hub.Stats().Sockets; got != n {
				b.Fatalf("%d sockets, want %d", got, n)
			}
			for b.Loop() {
				// Nothing is repeated: memory was measured once.
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric((after.heap-before.heap)/n, "heapB/socket")
			b.ReportMetric((after.stack-before.stack)/n, "stackB/socket")
			b.ReportMetric((after.rss-before.rss)/n, "rssB/socket")
			leave()
		})
	}
}

// startIdleClients opens n sockets from another process and gives what ends it.
func startIdleClients(b *testing.B, n int, address string, secure bool) (leave func()) {
	b.Helper()
	clients := exec.CommandContext(b.Context(), os.Args[0])
	clients.Env = append(os.Environ(), fmt.Sprintf("%s=%d", envClients, n),
		envAddress+"="+address, fmt.Sprintf("%s=%v", envTLS, secure))
	clients.Stderr = os.Stderr
	stop, err := clients.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := clients.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := clients.Start(); err != nil {
		b.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		b.Fatal(err)
	}
	return func() {
		if err := errors.Join(stop.Close(), clients.Wait()); err != nil {
			b.Error(err)
		}
	}
}

// deaf is a receiver that hears nothing.
type deaf struct{}

func (deaf) Receive([]byte) error { return nil }
func (deaf) Close()               {}

// usage is memory in bytes.
type usage struct{ heap, stack, rss float64 }

func memory(b *testing.B) usage {
	b.Helper()
	runtime.GC() // twice, so that what has a finalizer is gone, too
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return usage{heap: float64(m.HeapAlloc), stack: float64(m.StackInuse)} // not Linux
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(statm))[1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return usage{float64(m.HeapAlloc), float64(m.StackInuse), pages * float64(os.Getpagesize())}
}

// BenchmarkOffer is the way of one state from Offer to the browser, which reads
// it before the next one is offered.
func BenchmarkOffer(b *testing.B) {
	s := newSite(b, live.Config{}, func(*end, []byte) error { return nil })
	r, e := s.raw(b, query)
	state, buf := make([]byte, 29), make([]byte, 31)
	b.ReportAllocs()
	for b.Loop() {
		e.Offer(state)
		if _, err := io.ReadFull(r, buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBurst offers a state to each of 100 sockets, as a tick does, and
// waits until all browsers have read it.
func BenchmarkBurst(b *testing.B) {
	const n = 100
	s := newSite(b, live.Config{}, func(*end, []byte) error { return nil })
	var (
		ends []*end
		read atomic.Int64
		all  = make(chan struct{})
	)
	for range n {
		r, e := s.raw(b, query)
		ends = append(ends, e)
		go func() { // until the connection is closed at the end
			buf := make([]byte, 31)
			for {
				if _, err := io.ReadFull(r.Conn, buf); err != nil {
					return
				}
				if read.Add(1)%n == 0 {
					all <- struct{}{}
				}
			}
		}()
	}
	state := make([]byte, 29)
	b.ReportAllocs()
	for b.Loop() {
		for _, e := range ends {
			e.Offer(state)
		}
		<-all
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/frame")
}

// BenchmarkReceive is the way of 70 inputs from the connection to the
// receiver; credits allow no more at once.
func BenchmarkReceive(b *testing.B) {
	const n = 70
	done := make(chan struct{})
	got := 0
	s := newSite(b, live.Config{}, func(*end, []byte) error {
		if got++; got == n {
			got = 0
			done <- struct{}{}
		}
		return nil
	})
	inputs := bytes.Repeat(clientFrame(0x82, make([]byte, 8)), n)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		r, e := s.raw(b, query)
		b.StartTimer()
		r.write(inputs)
		<-done
		b.StopTimer()
		_ = r.Close()
		<-e.closed
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/frame")
}
