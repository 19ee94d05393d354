package db

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childDir makes this test program start a server in the folder it names and wait to
// be killed.
const childDir = "PASSERELLE_TEST_CHILD_DIR"

func init() {
	dir := os.Getenv(childDir)
	if dir == "" {
		return
	}
	e, err := StartEmbedded(context.Background(), quick(dir))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(e.PID())
	time.Sleep(time.Minute)
	e.Stop()
	os.Exit(1)
}

func TestRowsOutliveStopAndKill(t *testing.T) {
	t.Parallel()
	dir := openFolder(t)
	e := startEmbedded(t, quick(dir))
	run(t, e, `CREATE TABLE kept (n int)`)
	run(t, e, `INSERT INTO kept VALUES (1)`)

	must(t, e.Kill())
	<-e.Done()
	first := e.URL()
	must(t, e.Restart(t.Context()))
	run(t, e, `INSERT INTO kept VALUES (2)`)
	if e.URL() != first {
		t.Errorf("the address changed from %s to %s over a restart", first, e.URL())
	}
	if n := recoveries(t, e); n != 1 {
		t.Errorf("the log tells of %d recoveries, want 1", n)
	}

	must(t, e.Stop())
	must(t, e.Stop())
	e = startEmbedded(t, quick(dir))
	if n := count(t, e, `SELECT count(*) FROM kept`); n != 2 {
		t.Errorf("%d rows after kill and stop, want 2", n)
	}
	if n := recoveries(t, e); n != 1 {
		t.Errorf("the log tells of %d recoveries after an orderly stop, want 1", n)
	}
}

func TestPostmasterKilledFromOutside(t *testing.T) {
	t.Parallel()
	e := startEmbedded(t, quick(openFolder(t)))
	run(t, e, `CREATE TABLE kept ()`)
	must(t, syscall.Kill(e.PID(), syscall.SIGKILL)) // its children live on for a moment
	<-e.Done()

	// Meanwhile another process of the same account got the number.
	other := e.tool(t.Context(), "postgres")
	other.Path, other.Args = "/bin/sleep", []string{"sleep", "60"}
	must(t, other.Start())
	t.Cleanup(func() { other.Process.Kill(); other.Wait() })
	pidFile := filepath.Join(e.data(), "postmaster.pid")
	text, err := os.ReadFile(pidFile)
	must(t, err)
	_, rest, _ := strings.Cut(string(text), "\n")
	must(t, os.WriteFile(pidFile, []byte(strconv.Itoa(other.Process.Pid)+"\n"+rest), 0o600))

	must(t, e.Restart(t.Context()))
	if n := count(t, e, `SELECT count(*) FROM pg_class WHERE relname = 'kept'`); n != 1 {
		t.Error("the committed table is gone")
	}
}

func TestServerOfAKilledProgram(t *testing.T) {
	t.Parallel()
	dir := openFolder(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	line, _ := bufio.NewReader(out).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the child says %q", line)
	}

	_, err = StartEmbedded(t.Context(), quick(dir))
	if !errors.Is(err, ErrInUse) || !strings.Contains(fmt.Sprint(err), strconv.Itoa(child.Process.Pid)) {
		t.Errorf("a second program on the folder hears %v, want ErrInUse with the number %d", err, child.Process.Pid)
	}

	socket, err := os.ReadFile(filepath.Join(dir, "postgres.socket"))
	must(t, err)
	must(t, child.Process.Kill())
	child.Wait()
	startEmbedded(t, quick(dir))
	if runsOn(pid, filepath.Join(dir, "postgres")) {
		t.Error("the killed program's server still runs")
	}
	if _, err := os.Stat(string(socket)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the killed program's socket folder %q is still there: %v", socket, err)
	}
}

func TestServerWithoutOwnerIsStoppedFirst(t *testing.T) {
	t.Parallel()
	shared := quick(openFolder(t))
	shared.Shared = true
	orphan := startEmbedded(t, shared)
	joined := startEmbedded(t, shared)
	if joined.PID() != orphan.PID() || joined.URL() != orphan.URL() {
		t.Errorf("the second program joined %d at %s, want %d at %s", joined.PID(), joined.URL(), orphan.PID(), orphan.URL())
	}

	owner := startEmbedded(t, quick(shared.Dir))
	if runsOn(orphan.PID(), owner.data()) {
		t.Error("two servers on one folder")
	}
	if _, err := os.Stat(orphan.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the orphan's socket folder is still there: %v", err)
	}
}

func TestDoneTellsOfTheServersEnd(t *testing.T) {
	t.Parallel()
	e := startEmbedded(t, quick(openFolder(t)))
	select {
	case <-e.Done():
		t.Fatal("done while running")
	default:
	}
	must(t, e.Stop())
	select {
	case <-e.Done():
	case <-time.After(time.Second):
		t.Error("stopped, and not done")
	}
	if _, err := os.Stat(e.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket folder is still there: %v", err)
	}
}

func TestFailedStartSaysWhyAndLetsGo(t *testing.T) {
	t.Parallel()
	cfg := quick(openFolder(t))
	startEmbedded(t, cfg).Stop()
	wrong := cfg
	wrong.Settings = map[string]string{"max_connections": "many"}
	if _, err := StartEmbedded(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "max_connections") {
		t.Errorf("a wrong setting is answered with %v", err)
	}
	startEmbedded(t, cfg) // would be refused if the lock were still held
}

func quick(dir string) EmbeddedConfig {
	return EmbeddedConfig{Dir: dir, Log: slog.New(slog.DiscardHandler), Settings: map[string]string{
		"fsync": "off", "dynamic_shared_memory_type": "mmap", // in the folder, which goes with the test
	}}
}

// openFolder is a temporary folder that the server's account can enter.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "passerelle-test-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func startEmbedded(t *testing.T, cfg EmbeddedConfig) *Embedded {
	t.Helper()
	e, err := StartEmbedded(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, e.Stop()) })
	return e
}

func run(t *testing.T, e *Embedded, query string) {
	t.Helper()
	conn, err := sql.Open("postgres", e.URL())
	must(t, err)
	defer conn.Close()
	_, err = conn.Exec(query)
	must(t, err)
}

func count(t *testing.T, e *Embedded, query string) (n int) {
	t.Helper()
	conn, err := sql.Open("postgres", e.URL())
	must(t, err)
	defer conn.Close()
	must(t, conn.QueryRow(query).Scan(&n))
	return n
}

// recoveries counts crash recoveries, which is not the number of kills.
func recoveries(t *testing.T, e *Embedded) int {
	t.Helper()
	text, err := os.ReadFile(e.LogFile())
	must(t, err)
	return strings.Count(string(text), "was not properly shut down")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
