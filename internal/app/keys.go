package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/vouchers"
)

// openKeys reads the keys file, or makes it where there are neither a file nor
// booklets. It fails closed: without the key of every booklet handed over, cheques in
// people's hands would be refused as forged.
func openKeys(ctx context.Context, d *db.DB, file string) (*vouchers.Keyring, error) {
	var used []uint8
	err := d.Read(ctx, func(tx *db.Tx) (err error) {
		used, err = issuing.KeysInUse(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	keys, err := readKeys(file)
	if errors.Is(err, os.ErrNotExist) && len(used) == 0 {
		keys, err = makeKeys(file)
	}
	if err != nil {
		return nil, err
	}
	for _, id := range used {
		if !slices.ContainsFunc(keys.Public(), func(k vouchers.PublicKey) bool { return k.ID == id }) {
			return nil, fmt.Errorf("the keys file %s lacks key %d, with which booklets were made: put the right file back (KEYS_FILE)", file, id)
		}
	}
	return keys, nil
}

func readKeys(file string) (*vouchers.Keyring, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("the keys file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the keys file %s can be read by other accounts: chmod 600 %s", file, file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the keys file: %w", err)
	}
	keys, err := vouchers.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("the keys file %s: %w", file, err)
	}
	return keys, nil
}

// makeKeys writes a first key. Of two programs that do so at once, one wins and both
// read its file.
func makeKeys(file string) (*vouchers.Keyring, error) {
	keys, err := vouchers.NewKeyring(1, vouchers.NewKey(1))
	if err != nil {
		return nil, err
	}
	if err := writeKeys(file, keys, os.Link); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	return readKeys(file)
}

// RotateKeys adds a key that signs from now on; codes made before stay valid. It
// returns the new key's number.
func RotateKeys(file string) (uint8, error) {
	keys, err := readKeys(file)
	if err != nil {
		return 0, err
	}
	if keys, err = keys.Rotate(); err != nil {
		return 0, err
	}
	return keys.Current(), writeKeys(file, keys, os.Rename)
}

// writeKeys puts a whole, durable file in place with put, which is os.Link where
// nothing may be replaced.
func writeKeys(file string, keys *vouchers.Keyring, put func(from, to string) error) (err error) {
	text, err := keys.File()
	if err != nil {
		return err
	}
	folder := filepath.Dir(file)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(folder, ".keys-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // gone already after a rename
	_, err = temporary.Write(text)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	if err := put(temporary.Name(), file); err != nil {
		return err
	}
	return syncFolder(folder)
}

func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
