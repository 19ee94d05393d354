package db

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postmaster is what a server says of itself in its postmaster.pid.
type postmaster struct {
	pid    int
	socket string
	ready  bool
}

// readPostmaster reads postmaster.pid; the zero value says that there is none. Its
// lines are: process, folder, start, port, socket folder, address, memory, status
// (PostgreSQL, src/include/utils/pidfile.h).
func readPostmaster(data string) (postmaster, error) {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if errors.Is(err, os.ErrNotExist) {
		return postmaster{}, nil
	}
	if err != nil {
		return postmaster{}, err
	}
	lines := append(strings.Split(string(text), "\n"), make([]string, 8)...)
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil {
		return postmaster{}, nil // being written, or cut short by a crash
	}
	return postmaster{pid: pid, socket: lines[4], ready: strings.TrimSpace(lines[7]) == "ready"}, nil
}

// stopLeftover stops the server of a program that was killed, and clears what a dead
// one left in the way. This program holds the folder's lock, so the server has no owner.
func (e *Embedded) stopLeftover() error {
	p, err := readPostmaster(e.data())
	if err != nil || p.pid == 0 {
		return err
	}
	if !runsOn(p.pid, e.data()) {
		return disown(e.data(), p.pid)
	}
	e.log.Warn("stopping a PostgreSQL that was left running", "pid", p.pid, "folder", e.data())
	s := strangerServer(p.pid, e.data())
	return halt(s.signal, s.ended)
}

// disown lets PostgreSQL start although the number of its dead postmaster now belongs
// to another process, or to a zombie. PostgreSQL takes a postmaster.pid that names its
// own parent as stale and still uses the rest of it to look for living backends;
// without the file it could miss them (CreateLockFile in miscinit.c).
func disown(data string, pid int) error {
	if err := syscall.Kill(pid, 0); err == syscall.ESRCH {
		return nil
	}
	file := filepath.Join(data, "postmaster.pid")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	return os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())+"\n"+rest), 0o600)
}

// strangerServer is a server that is not our child.
func strangerServer(pid int, data string) *server {
	return &server{
		pid: pid,
		signal: func(sig syscall.Signal) error {
			if err := syscall.Kill(pid, sig); err != nil && err != syscall.ESRCH {
				return fmt.Errorf("process %d: %w", pid, err)
			}
			return nil
		},
		ended: func(within time.Duration) bool { return goneWithin(pid, data, within) },
	}
}

// halt ends a server: fast shutdown, after 15 s immediate shutdown, after 5 s more SIGKILL.
func halt(signal func(syscall.Signal) error, ended func(time.Duration) bool) error {
	if ended(0) {
		return nil
	}
	steps := []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, 15 * time.Second}, {syscall.SIGQUIT, 5 * time.Second}, {syscall.SIGKILL, 5 * time.Second}}
	for _, step := range steps {
		if err := signal(step.signal); err != nil {
			return err
		}
		if ended(step.wait) {
			return nil
		}
	}
	return errors.New("PostgreSQL does not stop, not even on SIGKILL")
}

// goneWithin waits for a server that is not our child.
func goneWithin(pid int, data string, within time.Duration) bool {
	for deadline := time.Now().Add(within); runsOn(pid, data); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
