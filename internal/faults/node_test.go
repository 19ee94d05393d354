package faults_test

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/pgtest"
)

// node is one PostgreSQL of a pair: a primary, or a standby that follows it.
type node struct {
	t   *testing.T
	url string
	pid int
	end func() // kills it, as a power cut would

	data  string
	tools *db.Embedded // whose programs and account it uses
	as    *syscall.Credential
}

// firstPrimary is a server on disk that holds nothing yet.
func firstPrimary(t *testing.T) *node {
	t.Helper()
	e := pgtest.Durable(t, nil)
	data := filepath.Join(filepath.Dir(e.LogFile()), "postgres")
	return &node{t: t, url: e.URL(), pid: e.PID(), data: data, tools: e, as: ownerOf(t, data),
		end: func() { must(t, e.Kill()) }}
}

// follower copies the node and starts the copy as its standby.
func (n *node) follower() *node {
	n.t.Helper()
	home := openFolder(n.t)
	giveTo(n.t, n.as, home)
	s := &node{t: n.t, data: filepath.Join(home, "postgres"), tools: n.tools, as: n.as}
	n.tool("pg_basebackup", "-D", s.data, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-h", n.host(), "-U", "passerelle")
	socket, err := os.MkdirTemp("/tmp", "passerelle-standby-") // a socket's name may have 107 bytes
	must(n.t, err)
	n.t.Cleanup(func() { os.RemoveAll(socket) })
	giveTo(n.t, n.as, socket)
	s.url = strings.Replace(n.url, url.QueryEscape(n.host()), url.QueryEscape(socket), 1)
	s.launch(socket)
	return s
}

// launch starts the copy and waits until it streams.
func (n *node) launch(socket string) {
	n.t.Helper()
	cmd := n.command("postgres", "-D", n.data, "-c", "listen_addresses=", "-c", "unix_socket_directories="+socket,
		"-c", "dynamic_shared_memory_type=mmap")
	var log lockedBuffer
	cmd.Stderr = &log
	must(n.t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		cmd.Wait() // how it ended is what the test did to it
		close(ended)
	}()
	n.pid = cmd.Process.Pid
	n.end = func() {
		select {
		case <-ended:
		default:
			signalTree(n.t, n.pid, syscall.SIGKILL)
			<-ended
		}
	}
	n.t.Cleanup(n.end)
	within(n.t, 20*time.Second, "the standby streams", func() bool { return strings.Contains(log.String(), "started streaming WAL") })
}

// host is the folder of the node's socket.
func (n *node) host() string {
	u, err := url.Parse(n.url)
	must(n.t, err)
	return u.Query().Get("host")
}

// command is one of PostgreSQL's programs under its own account.
func (n *node) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(n.tools.Tool(name), args...)
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: n.as, Setpgid: true}
	return cmd
}

func (n *node) tool(name string, args ...string) {
	n.t.Helper()
	if out, err := n.command(name, args...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s: %v: %s", name, err, bytes.TrimSpace(out))
	}
}

func (n *node) open() *db.DB {
	n.t.Helper()
	d, err := db.Open(n.t.Context(), n.url, present().Now)
	must(n.t, err)
	n.t.Cleanup(func() { d.Close() })
	return d
}

// waitsForStandby makes every commit wait until the standby has it on disk.
func (n *node) waitsForStandby(d *db.DB) {
	n.t.Helper()
	alone(n.t, d, `ALTER SYSTEM SET synchronous_standby_names = '*'`)
	alone(n.t, d, `SELECT pg_reload_conf()::text`)
	within(n.t, 10*time.Second, "the standby is synchronous", func() bool {
		return number(n.t, d, `SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'`) == 1
	})
}

// pause freezes the node; it answers nobody until it is resumed.
func (n *node) pause() { signalTree(n.t, n.pid, syscall.SIGSTOP) }

func (n *node) resume() {
	n.t.Helper()
	signalTree(n.t, n.pid, syscall.SIGCONT)
}

// promote makes a standby the primary, which waits for nobody until it has a follower.
func (n *node) promote() {
	n.t.Helper()
	n.tool("pg_ctl", "promote", "-D", n.data, "-w", "-t", "20")
	d := n.open()
	alone(n.t, d, `ALTER SYSTEM RESET synchronous_standby_names`)
	alone(n.t, d, `SELECT pg_reload_conf()::text`)
	within(n.t, 10*time.Second, fmt.Sprint(n.url, " waits for nobody"), func() bool {
		return number(n.t, d, `SELECT count(*) FROM pg_settings WHERE name = 'synchronous_standby_names' AND setting = ''`) == 1
	})
}
