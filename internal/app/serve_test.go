package app

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/pgtest"
)

// serveHere makes this test program the service, in a folder and on a port, so that it
// can be killed.
const serveHere = "PASSERELLE_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveHere) == "" {
		os.Exit(m.Run())
	}
	cfg, err := ReadConfig(os.Environ())
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		err = Serve(ctx, cfg, NewLog(os.Stderr, 0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestRequestsInFlightAreFinishedBeforeTheEnd(t *testing.T) {
	t.Parallel()
	p, err := Start(t.Context(), config(t, "DATABASE_URL="+pgtest.URL(t)), time.Now, NewLog(t.Output(), 4))
	if err != nil {
		t.Fatal(err)
	}
	p.Work()
	stopping := make(chan struct{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for begun := 0; ; begun++ {
				answer, err := http.Get(p.Address + "/readyz")
				select {
				case <-stopping: // refused from here on, but never cut short
					if err == nil && answer.StatusCode != http.StatusOK {
						t.Errorf("status %d while stopping", answer.StatusCode)
					}
					if err == nil {
						answer.Body.Close()
					}
					return
				default:
				}
				if err != nil {
					t.Error(err)
					return
				}
				answer.Body.Close()
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	close(stopping)
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	all.Wait()
	if _, err := http.Get(p.Address + "/healthz"); err == nil {
		t.Error("it still answers")
	}
}

func TestAPortThatIsTakenIsSaid(t *testing.T) {
	t.Parallel()
	cfg := config(t, "DATABASE_URL="+pgtest.URL(t))
	first, err := Start(t.Context(), cfg, time.Now, NewLog(t.Output(), 4))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Stop()
	fmt.Sscanf(first.Address, "http://127.0.0.1:%d", &cfg.Port)
	if _, err := Start(t.Context(), cfg, time.Now, NewLog(t.Output(), 4)); err == nil || !strings.Contains(err.Error(), "PORT") {
		t.Errorf("%v", err)
	}
}

func TestAKilledServiceStartsAgainWithAllItAcknowledged(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/var/tmp", "passerelle-serve-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the server's own account must enter
		t.Fatal(err)
	}
	environ := []string{"PASSERELLE_DATA=" + dir, "PORT=0", "PUBLIC_URL=http://localhost"}
	cfg, err := ReadConfig(environ)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		child := serving(t, dir, environ)
		log := NewLog(t.Output(), 4)
		email := fmt.Sprintf("admin%d@operateur.fr", round)
		if _, err := CreateAdmin(t.Context(), cfg, log, email, "un mot de passe"); err != nil { // beside the service
			t.Fatal(err)
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		child.Wait()
	}
	child := serving(t, dir, environ)
	findings, err := Verify(t.Context(), cfg, NewLog(t.Output(), 4))
	if err != nil || Broken(findings) != nil {
		t.Errorf("%v, %v", err, Broken(findings))
	}
	for round := range 3 {
		email := fmt.Sprintf("admin%d@operateur.fr", round)
		if _, err := CreateAdmin(t.Context(), cfg, NewLog(t.Output(), 4), email, "un mot de passe"); err == nil {
			t.Errorf("%s, who was acknowledged, is gone", email)
		}
	}
	if err := child.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "postgres", "postmaster.pid")); err == nil {
		t.Error("PostgreSQL was not stopped")
	}
}

// serving starts a child that serves from dir and waits until it does.
func serving(t *testing.T, dir string, environ []string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(append(os.Environ(), environ...), serveHere+"=yes")
	log, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	child.Stderr = log
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Process.Kill() })
	for deadline := time.Now().Add(45 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		text, err := os.ReadFile(log.Name())
		if err == nil && strings.Contains(string(text), `"msg":"serving"`) {
			return child
		}
		if time.Now().After(deadline) {
			t.Fatalf("not serving: %s", text)
		}
	}
}
