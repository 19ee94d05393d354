package db

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// elsewhere holds the data of programs that root runs in a folder closed to others.
const elsewhere = "/var/lib"

// account is whom the server runs as when this program is root: PostgreSQL refuses to
// be root. Nil stands for this program's own account.
type account struct {
	name     string
	uid, gid uint32
}

// serverAccount is nil for an ordinary user; for root it is postgres, else nobody.
func serverAccount() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is no account postgres or nobody: make one, or start this program as an ordinary user")
}

func (a *account) credential() *syscall.Credential {
	if a == nil {
		return nil
	}
	return &syscall.Credential{Uid: a.uid, Gid: a.gid}
}

// own gives a file, or a folder with all it holds, to the account. The top comes last,
// so that an interrupted change is seen and done again.
func (a *account) own(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	switch {
	case a == nil && int(owner) != os.Geteuid():
		return fmt.Errorf("%s belongs to account number %d: start this program as that account or as root, or give it another folder with PASSERELLE_DATA", path, owner)
	case a == nil || owner == a.uid:
		return nil
	}
	err = filepath.WalkDir(path, func(name string, _ fs.DirEntry, err error) error {
		if err != nil || name == path {
			return err
		}
		return os.Lchown(name, int(a.uid), int(a.gid))
	})
	return errors.Join(err, os.Lchown(path, int(a.uid), int(a.gid)))
}

// closedFor is the first folder on the way to path that the account cannot enter, or
// "" when it can get there. Only permission bits count.
func (a *account) closedFor(path string) (string, error) {
	if a == nil {
		return "", nil
	}
	folder := "/"
	for _, name := range strings.Split(path, "/") {
		folder = filepath.Join(folder, name)
		info, err := os.Stat(folder)
		if err != nil {
			return "", err
		}
		stat, needed := info.Sys().(*syscall.Stat_t), fs.FileMode(0o001)
		if stat.Uid == a.uid {
			needed = 0o100
		} else if stat.Gid == a.gid {
			needed = 0o010
		}
		if info.Mode()&needed == 0 {
			return folder, nil
		}
	}
	return "", nil
}

// homeOf is the folder that holds PostgreSQL's data for dir: dir itself, or one under
// /var/lib where the server's account cannot enter dir. The choice is written down in
// dir and holds for ever, even if dir opens later.
func homeOf(dir string, as *account, log *slog.Logger) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", err
	}
	note := filepath.Join(dir, "postgres-location.txt")
	if text, err := os.ReadFile(note); err == nil {
		home, _, _ := strings.Cut(string(text), "\n")
		log.Info("the PostgreSQL data are in another folder", "folder", home, "says", note)
		return home, nil
	}
	closed, err := as.closedFor(dir)
	if err != nil || closed == "" {
		return dir, err
	}
	if majorOfData(filepath.Join(dir, "postgres")) != "" {
		return "", fmt.Errorf("the data are in %s, but %s is closed to the account %s that runs PostgreSQL: chmod o+x %s, or move the data to a folder that is open", dir, closed, as.name, closed)
	}
	return moveOut(dir, note, closed, as, log)
}

// moveOut makes the folder under /var/lib and leaves the note.
func moveOut(dir, note, closed string, as *account, log *slog.Logger) (string, error) {
	sum := sha256.Sum256([]byte(dir))
	home := filepath.Join(elsewhere, "passerelle-"+hex.EncodeToString(sum[:6]))
	why := fmt.Sprintf("%s is closed to the account %s that runs PostgreSQL", closed, as.name)
	// Chmod, because a umask may have closed the folder; the data in it are closed anyway.
	if err := errors.Join(os.MkdirAll(home, 0o755), os.Chmod(home, 0o755)); err != nil {
		return "", fmt.Errorf("%s, and no folder could be made elsewhere: chmod o+x %s, or set PASSERELLE_DATA to a folder that is open: %w", why, closed, err)
	}
	if closed, err := as.closedFor(home); err != nil || closed != "" {
		return "", fmt.Errorf("%s, and so is %s: open one of them with chmod o+x, or set PASSERELLE_DATA to a folder that is open (%w)", why, closed, errors.Join(err, fs.ErrPermission))
	}
	text := home + "\n\nPostgreSQL's data are in the folder above, because " + why + ".\nBack them up there. Keep this file: the program reads its first line.\n"
	if err := os.WriteFile(note, []byte(text), 0o644); err != nil {
		return "", err
	}
	log.Warn("the PostgreSQL data go to another folder", "folder", home, "because", why, "says", note)
	return home, nil
}

// lockFolder takes the folder for this program until it ends. The kernel lets go of
// the lock with the program, so a killed one leaves nothing to clear.
func lockFolder(ctx context.Context, home string, wait bool) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(home, "postgres.lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !wait || ctx.Err() != nil || !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(inUse(home, err), ctx.Err(), f.Close())
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return f, err
}

func inUse(home string, err error) error {
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return err
	}
	pid, _ := os.ReadFile(filepath.Join(home, "postgres.lock")) // without it the sentence still helps
	return fmt.Errorf("%w: the program with process number %s already uses %s; stop it first, or give this one another folder with PASSERELLE_DATA", ErrInUse, strings.TrimSpace(string(pid)), home)
}

// unlockFolder lets go at once, even where a process that is just being started still
// holds a copy of the file.
func unlockFolder(lock *os.File) {
	if lock == nil {
		return
	}
	syscall.Flock(int(lock.Fd()), syscall.LOCK_UN)
	lock.Close()
}
