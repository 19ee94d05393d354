//go:build !linux

package db

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// localeFlags make byte order the default collation; sorting for people names
// "fr-x-icu". macOS has no C.UTF-8.
var localeFlags = []string{"--locale=C", "--lc-ctype=en_US.UTF-8"}

// endWithParent does nothing here: the next start stops the server that a killed
// program left running.
func endWithParent(*syscall.SysProcAttr) {}

// runsOn reports whether pid is a living postmaster on the folder.
func runsOn(pid int, data string) bool {
	out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	words, _, _ := strings.Cut(string(out), " -c ")
	return err == nil && strings.HasSuffix(strings.TrimSpace(words), "postgres -D "+data)
}

// childrenOf lists the children of a process.
func childrenOf(pid int) ([]int, error) {
	out, err := exec.Command("ps", "-axo", "pid=,ppid=").Output()
	if err != nil {
		return nil, err
	}
	var children []int
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) != 2 || fields[1] != strconv.Itoa(pid) {
			continue
		}
		child, err := strconv.Atoi(fields[0])
		if err != nil {
			return nil, err
		}
		children = append(children, child)
	}
	return children, nil
}
