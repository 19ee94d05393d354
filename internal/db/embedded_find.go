package db

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ErrNoPostgres says that PostgreSQL's programs were not found, and what to do.
var ErrNoPostgres = errors.New("no PostgreSQL on this machine: install it (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql@17), or give the folder of its programs in PG_BINDIR, or the address of a server in DATABASE_URL")

// findPostgres returns the folder that holds initdb, postgres and pg_ctl: PG_BINDIR
// and nothing else where it is set, else what pg_config says, the PATH, the system's
// packages (newest first), Homebrew, and what InstallPostgres fetched. major, where
// there are data already, is the version that wrote them: no other one can read them.
func findPostgres(home, major string, as *account) (string, error) {
	if bin := os.Getenv("PG_BINDIR"); bin != "" {
		found, err := inspectBin(bin, as)
		if err != nil {
			return "", fmt.Errorf("PG_BINDIR=%s: %w", bin, err)
		}
		if major != "" && found != major {
			return "", wrongMajor(home, major, []string{found + " (" + bin + ")"})
		}
		return bin, nil
	}
	var others []string
	for _, bin := range candidates(home) {
		found, err := inspectBin(bin, as)
		if err != nil {
			continue // not one, or not for us: the next may be
		}
		if major == "" || found == major {
			return bin, nil
		}
		others = append(others, found+" ("+bin+")")
	}
	if len(others) > 0 {
		return "", wrongMajor(home, major, others)
	}
	return "", ErrNoPostgres
}

func wrongMajor(home, major string, others []string) error {
	return fmt.Errorf("the data in %s were written by PostgreSQL %s, and here there is only %s: install PostgreSQL %s again, or move the data with pg_dump", home, major, strings.Join(others, ", "), major)
}

// candidates lists folders that may hold PostgreSQL's programs, best first.
func candidates(home string) []string {
	var found []string
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		found = append(found, strings.TrimSpace(string(out)))
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		// Often a link into the real folder, where initdb's own files are found.
		if path, err = filepath.EvalSymlinks(path); err == nil {
			found = append(found, filepath.Dir(path))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
	} {
		folders, _ := filepath.Glob(pattern) // fails only on a bad pattern
		slices.SortFunc(folders, func(a, b string) int { return numberIn(b) - numberIn(a) })
		found = append(found, folders...)
	}
	return append(found, fetchedBins(home)...)
}

// fetchedBins lists the bin folders under postgres-bin.
func fetchedBins(home string) []string {
	var bins []string
	root := filepath.Join(home, "postgres-bin")
	filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // absent or closed: nothing to find there
		}
		if entry.Name() == "postgres" && !entry.IsDir() && filepath.Base(filepath.Dir(path)) == "bin" {
			bins = append(bins, filepath.Dir(path))
		}
		return nil
	})
	return bins
}

var digits = regexp.MustCompile(`[0-9]+`)

// numberIn is the first number in a path, 0 without one.
func numberIn(path string) int {
	n, _ := strconv.Atoi(digits.FindString(path))
	return n
}

// inspectBin returns the major version of the programs in bin, or why they are no use.
func inspectBin(bin string, as *account) (string, error) {
	for _, name := range []string{"postgres", "initdb", "pg_ctl"} {
		path, err := filepath.EvalSymlinks(filepath.Join(bin, name))
		if err != nil {
			return "", fmt.Errorf("no program %s there: %w", name, err)
		}
		closed, err := as.closedFor(path)
		if err != nil {
			return "", err
		}
		if closed != "" {
			return "", fmt.Errorf("%s is closed to the account %s that runs PostgreSQL: chmod o+x %s", closed, as.name, closed)
		}
		if isScript(path) {
			return "", fmt.Errorf("%s is a script around the real program: give the real one's folder", path)
		}
	}
	out, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s does not run: %w", filepath.Join(bin, "postgres"), err)
	}
	// postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
	_, version, _ := strings.Cut(string(out), "(PostgreSQL) ")
	major := digits.FindString(version)
	if n, _ := strconv.Atoi(major); n < 15 {
		return "", fmt.Errorf("PostgreSQL %s is too old: 15 or later is needed", strings.TrimSpace(version))
	}
	return major, nil
}

// isScript reports whether the file begins with #!. The process of a wrapper is not
// the server's, so it could be neither watched nor stopped.
func isScript(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var start [2]byte
	_, err = f.Read(start[:])
	return err == nil && string(start[:]) == "#!"
}

// majorOfData is the major version that wrote the data, "" where there are none.
func majorOfData(data string) string {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
