package db

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// patience is how long a start waits for the processes of a crashed server to let go
// of its memory.
const patience = 15 * time.Second

// maxLog is the size in bytes from which the server's log is put aside at a start.
const maxLog = 10 << 20

// halfMade begins the name of a cluster that initdb has not finished.
const halfMade = "postgres.new-"

// server is one run of PostgreSQL.
type server struct {
	pid    int
	signal func(syscall.Signal) error
	ended  func(within time.Duration) bool
	done   <-chan struct{} // nil for a server that is not our child
}

// start brings the server up, whatever state its folder is in.
func (e *Embedded) start(ctx context.Context) error {
	left, err := readPostmaster(e.data())
	if err != nil {
		return err
	}
	if e.cfg.Shared && left.ready && runsOn(left.pid, e.data()) {
		e.join(left)
		return nil
	}
	if err := e.stopLeftover(); err != nil {
		return err
	}
	if err := e.makeCluster(ctx); err != nil {
		return err
	}
	if err := e.makeSocketFolder(); err != nil {
		return err
	}
	if err := e.launch(ctx); err != nil {
		return err
	}
	if err := e.makeDatabase(ctx); err != nil {
		s := e.server.Load()
		return errors.Join(err, halt(s.signal, s.ended))
	}
	return nil
}

// join uses a shared server that runs already.
func (e *Embedded) join(p postmaster) {
	e.socket = p.socket
	e.server.Store(strangerServer(p.pid, e.data()))
}

// makeCluster runs initdb beside the final folder and renames the result, so that an
// interrupted first start leaves nothing half made.
func (e *Embedded) makeCluster(ctx context.Context) error {
	if majorOfData(e.data()) != "" {
		return e.as.own(e.data())
	}
	if entries, err := os.ReadDir(e.data()); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s holds files that are no PostgreSQL data: move them away", e.data())
	}
	e.clearHalfMade()
	fresh, err := os.MkdirTemp(e.home, halfMade)
	if err != nil {
		return err
	}
	if err := e.as.own(fresh); err != nil {
		return err
	}
	e.log.Info("making a PostgreSQL cluster", "folder", e.data(), "programs", e.bin)
	args := append([]string{"-D", fresh, "-U", "passerelle", "-A", "trust", "-E", "UTF8", "-k", "--no-instructions"}, localeFlags...)
	if e.cfg.Settings["fsync"] == "off" {
		args = append(args, "--no-sync")
	}
	if out, err := e.tool(ctx, "initdb", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("initdb failed: %w: %s", err, bytes.TrimSpace(out))
	}
	if err := os.Remove(e.data()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(fresh, e.data()); err != nil {
		return err
	}
	return syncFolder(e.home)
}

// clearHalfMade removes what interrupted first starts left. An initdb whose program was
// killed may still write there: it then fails, or its folder waits for the next start.
func (e *Embedded) clearHalfMade() {
	left, _ := filepath.Glob(filepath.Join(e.home, halfMade+"*")) // fails only on a bad pattern
	for _, folder := range left {
		if err := os.RemoveAll(folder); err != nil {
			e.log.Warn("a half-made PostgreSQL cluster stays", "folder", folder, "error", err)
		}
	}
}

// settings are the server's parameters as -c arguments, in a stable order.
func (e *Embedded) settings() []string {
	all := map[string]string{
		"listen_addresses":        "",
		"port":                    "5432",
		"unix_socket_directories": e.socket,
		"unix_socket_permissions": "0700",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"logging_collector":       "off",
		"log_destination":         "stderr",
		"log_error_verbosity":     "terse", // details hold values, and values may be personal
		"log_min_error_statement": "panic",
	}
	maps.Copy(all, e.cfg.Settings)
	var args []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		args = append(args, "-c", name+"="+all[name])
	}
	return args
}

// launch starts the server, again as long as the memory of a crashed one is in use.
func (e *Embedded) launch(ctx context.Context) error {
	logFile, err := e.openLog()
	if err != nil {
		return err
	}
	defer logFile.Close()
	for deadline := time.Now().Add(patience); ; {
		from, err := logFile.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		if e.cfg.Shared {
			err = e.launchShared(ctx)
		} else {
			err = e.launchChild(ctx, logFile)
		}
		if err == nil {
			return nil
		}
		said := readFrom(e.LogFile(), from)
		if !strings.Contains(said, "is still in use") || time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("PostgreSQL did not start: %w: %s", err, said)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// launchChild starts postgres as a child that ends with this program, however it ends.
func (e *Embedded) launchChild(ctx context.Context, logFile *os.File) error {
	cmd := e.tool(context.WithoutCancel(ctx), "postgres", append([]string{"-D", e.data()}, e.settings()...)...)
	cmd.Stderr = logFile
	cmd.SysProcAttr.Setpgid = true // Ctrl-C is for this program, which then stops its server
	endWithParent(cmd.SysProcAttr)
	started, done := make(chan error, 1), make(chan struct{})
	go func() {
		// The server gets its signal when the thread that started it ends, so this one stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait() // how it ended is in its log
			close(done)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s := &server{pid: cmd.Process.Pid, done: done, ended: closedWithin(done), signal: func(sig syscall.Signal) error {
		if err := cmd.Process.Signal(sig); !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		return nil
	}}
	e.server.Store(s)
	return e.waitReady(ctx, s)
}

// launchShared lets pg_ctl start a server that belongs to nobody.
func (e *Embedded) launchShared(ctx context.Context) error {
	var quoted []string // pg_ctl hands them to a shell
	for _, arg := range e.settings() {
		quoted = append(quoted, "'"+strings.ReplaceAll(arg, "'", `'\''`)+"'")
	}
	out, err := e.tool(ctx, "pg_ctl", "start", "-w", "-D", e.data(), "-l", e.LogFile(), "-o", strings.Join(quoted, " ")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	p, err := readPostmaster(e.data())
	if err != nil {
		return err
	}
	e.join(p)
	return nil
}

// waitReady waits until the server takes connections. Recovery may take minutes, so
// only the context and the server's end stop the wait.
func (e *Embedded) waitReady(ctx context.Context, s *server) error {
	for {
		p, err := readPostmaster(e.data())
		if err == nil && p.pid == s.pid && p.ready {
			return nil
		}
		select {
		case <-s.done:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return errors.Join(ctx.Err(), halt(s.signal, s.ended))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (e *Embedded) makeDatabase(ctx context.Context) error {
	conn, err := sql.Open("postgres", e.URLOf("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close()
	var there bool
	const ask = `SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'passerelle')`
	if err := conn.QueryRowContext(ctx, ask).Scan(&there); err != nil || there {
		return err
	}
	_, err = conn.ExecContext(ctx, `CREATE DATABASE passerelle`)
	return err
}

// tool is a command of PostgreSQL's, run under the server's account and with nothing
// of this program's environment, where PGPORT or LC_ALL would change its mind.
func (e *Embedded) tool(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(e.bin, name), args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: e.as.credential()}
	return cmd
}

func (e *Embedded) openLog() (*os.File, error) {
	if info, err := os.Stat(e.LogFile()); err == nil && info.Size() > maxLog {
		if err := os.Rename(e.LogFile(), e.LogFile()+".1"); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(e.LogFile(), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return f, e.as.own(e.LogFile())
}

// closedWithin makes the ended function of a child.
func closedWithin(done <-chan struct{}) func(time.Duration) bool {
	return func(within time.Duration) bool {
		select {
		case <-done:
			return true
		case <-time.After(within):
			return false
		}
	}
}

func readFrom(file string, offset int64) string {
	text, err := os.ReadFile(file)
	if err != nil || int64(len(text)) < offset {
		return ""
	}
	return strings.TrimSpace(string(text[offset:]))
}

func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
