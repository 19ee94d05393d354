package app

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

func TestTheFirstStartMakesKeysForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	d, file := pgtest.New(t), filepath.Join(t.TempDir(), "new", "keys.json")
	var all sync.WaitGroup
	made := make([]*vouchers.Keyring, 4)
	for i := range made {
		all.Go(func() {
			var err error
			if made[i], err = openKeys(t.Context(), d, file); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	for _, k := range made {
		if k == nil || string(k.Public()[0].Ed25519) != string(made[0].Public()[0].Ed25519) {
			t.Error("programs that start at once have different keys")
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".keys-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWithoutTheKeysOfBookletsNothingStarts(t *testing.T) {
	t.Parallel()
	w, file := world.New(t), filepath.Join(t.TempDir(), "keys.json")
	w.HandOver(w.Campaign, 1)
	if _, err := openKeys(t.Context(), w.DB, file); err == nil {
		t.Error("a new key was made although booklets are in people's hands")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a keys file was written")
	}
	other, err := vouchers.NewKeyring(2, vouchers.NewKey(2))
	if err != nil {
		t.Fatal(err)
	}
	if err := writeKeys(file, other, os.Rename); err != nil {
		t.Fatal(err)
	}
	if _, err := openKeys(t.Context(), w.DB, file); err == nil || !strings.Contains(err.Error(), "lacks key 1") {
		t.Errorf("another key will do: %v", err)
	}
	if err := writeKeys(file, w.Keys, os.Rename); err != nil {
		t.Fatal(err)
	}
	if _, err := openKeys(t.Context(), w.DB, file); err != nil {
		t.Errorf("the right file: %v", err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := openKeys(t.Context(), w.DB, file); err == nil {
		t.Error("a file that others can read is accepted")
	}
}

func TestRotationKeepsOldCodesGood(t *testing.T) {
	t.Parallel()
	w, file := world.New(t), filepath.Join(t.TempDir(), "keys.json")
	b := w.HandOver(w.Campaign, 3)
	if err := writeKeys(file, w.Keys, os.Rename); err != nil {
		t.Fatal(err)
	}
	if id, err := RotateKeys(file); err != nil || id != 2 {
		t.Fatalf("key %d, %v", id, err)
	}
	keys, err := openKeys(t.Context(), w.DB, file)
	if err != nil || keys.Current() != 2 {
		t.Fatalf("%v", err)
	}
	payload, err := vouchers.FromScan(b.QR)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Check(payload); err != nil {
		t.Errorf("the booklet of before: %v", err)
	}
}
