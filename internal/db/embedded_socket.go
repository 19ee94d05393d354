package db

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

const socketPrefix = "passerelle-pg-"

// makeSocketFolder makes a fresh folder with a short name, because the name of a
// socket may have 107 bytes and no more (103 on macOS). Everybody is trusted on the
// socket, so only the server's account and root may enter. The name is noted beside
// the data: a killed program cannot remove its folder, so the next start does.
func (e *Embedded) makeSocketFolder() error {
	if e.socket != "" { // a restart: clear what a killed server left
		return errors.Join(removeIfThere(filepath.Join(e.socket, ".s.PGSQL.5432")),
			removeIfThere(filepath.Join(e.socket, ".s.PGSQL.5432.lock")))
	}
	if err := e.removeSocketFolder(); err != nil {
		return err
	}
	socket, err := os.MkdirTemp("/tmp", socketPrefix)
	if err != nil {
		return err
	}
	e.socket = socket
	return errors.Join(os.WriteFile(e.socketNote(), []byte(socket), 0o644), e.as.own(socket))
}

// removeSocketFolder removes the folder that the note names, and the note.
func (e *Embedded) removeSocketFolder() error {
	text, err := os.ReadFile(e.socketNote())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	folder := string(text)
	if filepath.Dir(folder) == "/tmp" && strings.HasPrefix(filepath.Base(folder), socketPrefix) {
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
	}
	return os.Remove(e.socketNote())
}

func (e *Embedded) socketNote() string { return filepath.Join(e.home, "postgres.socket") }

func removeIfThere(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
