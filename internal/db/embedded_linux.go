package db

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// localeFlags make byte order the default collation; sorting for people names "fr-x-icu".
var localeFlags = []string{"--locale=C.UTF-8"}

// endWithParent makes the kernel stop the server when this program dies.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }

// runsOn reports whether pid is a living postmaster on the folder. The command line is
// asked because everybody may read it, and because a zombie has none.
func runsOn(pid int, data string) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false
	}
	words := strings.Split(string(text), "\x00")
	return filepath.Base(words[0]) == "postgres" && slices.Contains(words, data)
}

// childrenOf lists the children of a process.
func childrenOf(pid int) ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var children []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // ended meanwhile
		}
		// pid (name) state parent …; the name may hold spaces and brackets (proc(5))
		_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
		fields := strings.Fields(rest)
		if len(fields) < 2 || fields[1] != strconv.Itoa(pid) {
			continue
		}
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		children = append(children, child)
	}
	return children, nil
}
