package faults_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
)

// programFolder holds the real program once a test has asked for it.
var programFolder string

// program is the path of the real program, built once.
var program = sync.OnceValues(func() (path string, err error) {
	if programFolder, err = os.MkdirTemp("", "passerelle-program-"); err != nil {
		return "", err
	}
	path = filepath.Join(programFolder, "passerelle")
	out, err := exec.Command("go", "build", "-o", path, "github.com/passerelle/passerelle/cmd/passerelle").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if programFolder != "" {
		os.RemoveAll(programFolder)
	}
	os.Exit(code)
}

// child is `passerelle serve` as a process of its own, on its private PostgreSQL.
type child struct {
	t     *testing.T
	data  string // PASSERELLE_DATA
	port  int
	token string // of the structure that redeems
	log   lockedBuffer

	cmd    *exec.Cmd
	exited chan struct{}
}

// lockedBuffer holds what a process says.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// seeded makes a data folder with a world of n booklets of 10 in it, and a child that
// does not run yet. The codes are those of the booklets.
func seeded(t *testing.T, n int) (c *child, codes []string) {
	t.Helper()
	c = &child{t: t, data: openFolder(t), port: freePort(t)}
	// Whatever is not yet on disk is written when this server stops.
	e, err := db.StartEmbedded(t.Context(), db.EmbeddedConfig{Dir: c.data, Settings: map[string]string{"synchronous_commit": "off"}})
	must(t, err)
	defer func() { must(t, e.Stop()) }()
	w := onDisk(t, e.URL())
	for _, b := range booklets(t, w, n) {
		codes = append(codes, b.Typed)
	}
	token, err := w.Identity.CreateToken(t.Context(), w.Structure.Actor, identity.NewToken{
		Label: "Counter", Scopes: []string{redemption.Scope}, Days: 30})
	must(t, err)
	c.token = token.Secret
	c.keep(w)
	w.Counter.Stop()
	must(t, w.DB.Close()) // before its server stops
	return c, codes
}

// keep gives the child the keys of the world's codes.
func (c *child) keep(w *world.World) {
	c.t.Helper()
	text, err := w.Keys.File()
	must(c.t, err)
	must(c.t, os.WriteFile(filepath.Join(c.data, "keys.json"), text, 0o600))
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (c *child) command(args ...string) *exec.Cmd {
	c.t.Helper()
	path, err := program()
	must(c.t, err)
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PG_BINDIR=" + os.Getenv("PG_BINDIR"),
		"PASSERELLE_DATA=" + c.data, fmt.Sprint("PORT=", c.port)}
	cmd.Stdout, cmd.Stderr = &c.log, &c.log
	return cmd
}

// start runs the service and waits until it answers.
func (c *child) start() {
	c.t.Helper()
	c.cmd = c.command("serve")
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(c.t, c.cmd.Start())
	cmd, exited := c.cmd, make(chan struct{})
	c.exited = exited
	go func() {
		cmd.Wait() // how it ended is in its log, or is what the test did to it
		close(exited)
	}()
	c.t.Cleanup(func() {
		cmd.Process.Kill()
		<-exited
	})
	within(c.t, 30*time.Second, "the service answers", c.ready)
}

func (c *child) ready() bool {
	select {
	case <-c.exited:
		c.t.Fatalf("the service has ended:\n%s", c.log.String())
	default:
	}
	answer, err := http.Get(c.url("/readyz"))
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func (c *child) url(path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", c.port, path) }

// kill is a SIGKILL in the middle of whatever the service does.
func (c *child) kill() {
	c.t.Helper()
	must(c.t, c.cmd.Process.Kill())
	<-c.exited
}

// stop ends the service in good order.
func (c *child) stop() {
	c.t.Helper()
	must(c.t, c.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-c.exited:
	case <-time.After(20 * time.Second):
		c.t.Errorf("the service does not stop:\n%s", c.log.String())
	}
}

// verify runs `passerelle verify` beside the service.
func (c *child) verify() {
	c.t.Helper()
	cmd := c.command("verify")
	cmd.Stdout, cmd.Stderr = nil, nil
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Errorf("verify: %v\n%s", err, out)
	}
}

// database opens the child's database beside it.
func (c *child) database() *db.DB {
	c.t.Helper()
	url, err := db.RunningEmbedded(c.data)
	must(c.t, err)
	d, err := db.Open(c.t.Context(), url, time.Now)
	must(c.t, err)
	c.t.Cleanup(func() { d.Close() })
	return d
}
