package pgtest

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"syscall"

	"github.com/passerelle/passerelle/internal/db"
)

// enough is the size in bytes from which /dev/shm holds the cluster. Containers often
// have 64 MB there, which one template and its clones would fill.
const enough = 1 << 30

// folderName is the well-known folder of this account's shared servers.
func folderName() string { return fmt.Sprintf("passerelle-pgtest-%d", os.Geteuid()) }

// clusterFolder is the folder of the shared server: one per account and PG_BINDIR, so
// that tests against another version do not disturb the usual ones.
func clusterFolder() string {
	name := folderName()
	if bin := os.Getenv("PG_BINDIR"); bin != "" {
		name += fmt.Sprintf("-%08x", crc32.ChecksumIEEE([]byte(bin)))
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &disk); err == nil && disk.Blocks*uint64(disk.Bsize) > enough {
		return filepath.Join("/dev/shm", name)
	}
	return filepath.Join(os.TempDir(), name)
}

// startCluster starts the shared server or joins the one that runs. A folder from
// which nothing starts (no fsync, and the machine lost power; another version of
// PostgreSQL) is made anew, because it holds nothing of value.
func startCluster(ctx context.Context) (url string, err error) {
	dir := clusterFolder()
	if err := claim(dir); err != nil {
		return "", err
	}
	cfg := db.EmbeddedConfig{Dir: dir, Shared: true, Settings: map[string]string{
		"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
		"max_connections": "300", "shared_buffers": "128MB", "max_wal_size": "256MB", "autovacuum": "off",
		"dynamic_shared_memory_type": "mmap", // in the folder, so that it goes with it
	}}
	e, err := db.StartEmbedded(ctx, cfg)
	if data := filepath.Join(dir, "postgres"); err != nil && ctx.Err() == nil && isThere(data) {
		first := err
		if err := errors.Join(db.StopEmbedded(ctx, dir), os.RemoveAll(data)); err != nil {
			return "", errors.Join(first, err)
		}
		e, err = db.StartEmbedded(ctx, cfg)
	}
	if err != nil {
		return "", err
	}
	return e.URL(), nil
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// claim makes the folder, or checks that it is ours: everybody may write in /dev/shm.
func claim(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		return fmt.Errorf("pgtest: %s belongs to somebody else: remove it", dir)
	}
	return os.Chmod(dir, 0o755)
}

// Stop stops this account's shared servers and removes their folders. Tests that still
// use them fail.
func Stop(ctx context.Context) error {
	var all error
	for _, parent := range []string{"/dev/shm", os.TempDir()} {
		dirs, err := filepath.Glob(filepath.Join(parent, folderName()) + "*")
		all = errors.Join(all, err)
		for _, dir := range dirs {
			all = errors.Join(all, stopIn(ctx, dir))
		}
	}
	return all
}

func stopIn(ctx context.Context, dir string) error {
	if err := claim(dir); err != nil {
		return err
	}
	if err := db.StopEmbedded(ctx, dir); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}
