package continuity

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// The names that an export is known by. The manifest is written last.
const (
	manifestFile  = "manifest.json"
	signatureFile = "manifest.json.sig"
	unfinished    = ".continuity-" // begins the name of a folder that is being written
)

// folder is an export on its way: beside the place where it will be, under a name that
// nobody takes for an export.
type folder struct {
	dir, temporary string
	trustees       Trustees
	files          []File
	manifest       vouchers.Digest // of the manifest, once it is written
	done           bool
}

// newFolder begins an export. Its fault is continuity_folder_taken.
func newFolder(dir string, trustees Trustees) (*folder, error) {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		return nil, fault.New(fault.Conflict, "continuity_folder_taken", "folder", dir)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o750); err != nil {
		return nil, err
	}
	temporary, err := os.MkdirTemp(parent, unfinished)
	if err != nil {
		return nil, err
	}
	return &folder{dir: dir, temporary: temporary, trustees: trustees}, os.Chmod(temporary, 0o750) // MkdirTemp gives 0700; a group may fetch it
}

// discard removes what was not finished.
func (f *folder) discard() {
	if !f.done {
		_ = os.RemoveAll(f.temporary) // what is left is recognised by its name, and removed by a later export
	}
}

// size is what all files take, the manifest aside.
func (f *folder) size() int64 {
	var sum int64
	for _, one := range f.files {
		sum += one.Size
	}
	return sum
}

// counted writes to a file and to its hash.
type counted struct {
	file *os.File
	hash hash.Hash
	size int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.file.Write(p)
	c.hash.Write(p[:n])
	c.size += int64(n)
	return n, err
}

// create writes one file in clear.
func (f *folder) create(name string, write func(io.Writer) error) (err error) {
	path := filepath.Join(f.temporary, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	c := &counted{file: file, hash: sha256.New()}
	buffer := bufio.NewWriterSize(c, 1<<16)
	err = write(buffer)
	if err == nil {
		err = buffer.Flush()
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	switch sum := vouchers.Digest(c.hash.Sum(nil)); name {
	case signatureFile:
	case manifestFile:
		f.manifest = sum
	default:
		f.files = append(f.files, File{Name: name, Size: c.size, SHA256: sum})
	}
	return nil
}

// encrypt writes one file for the trustees' eyes; its name ends in ".age".
func (f *folder) encrypt(name string, write func(io.Writer) error) error {
	return f.create(name+".age", func(out io.Writer) error {
		sealed, err := age.Encrypt(out, f.trustees.recipients()...)
		if err != nil {
			return err
		}
		if err := write(sealed); err != nil {
			return err
		}
		return sealed.Close()
	})
}

// put writes one file that is known whole.
func (f *folder) put(name string, content []byte) error {
	return f.create(name, func(out io.Writer) error {
		_, err := out.Write(content)
		return err
	})
}

// json writes one file of JSON, in clear.
func (f *folder) json(name string, value any) error {
	return f.create(name, func(out io.Writer) error {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	})
}

// finish writes the manifest, signs it, and gives the folder its name.
func (f *folder) finish(m *Manifest, keys *vouchers.Keyring) error {
	slices.SortFunc(f.files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	m.Files, m.Key = f.files, keys.SealKey()
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	signature, err := keys.Attest(text)
	if err != nil {
		return err
	}
	if err := f.put(signatureFile, signature); err != nil {
		return err
	}
	if err := f.put(manifestFile, text); err != nil {
		return err
	}
	if err := syncFolders(f.temporary); err != nil {
		return err
	}
	if err := os.Remove(f.dir); err != nil && !errors.Is(err, os.ErrNotExist) { // an empty folder gives way
		return fault.New(fault.Conflict, "continuity_folder_taken", "folder", f.dir)
	}
	if err := os.Rename(f.temporary, f.dir); err != nil {
		return err
	}
	f.done = true
	return syncFolder(filepath.Dir(filepath.Clean(f.dir)))
}

// syncFolders makes the entries of a folder and of those in it durable.
func syncFolders(root string) error {
	return filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncFolder(path)
	})
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// publicPEM is a public key as other programs read it.
func publicPEM(key vouchers.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Ed25519)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), err
}

// isExport says whether a folder holds an export that was finished.
func isExport(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, manifestFile))
	var m struct {
		Format string `json:"format"`
	}
	return err == nil && json.Unmarshal(text, &m) == nil && m.Format == format
}

// keep is how many days of exports stay.
const keep = 14

// prune removes the oldest exports of a folder, so that keep of them stay, and what an
// export that was cut off left more than a day ago. It touches nothing that is not named
// after a day and an export.
func prune(dir string, now time.Time) error {
	entries, err := os.ReadDir(dir) // by name, which is by day
	if err != nil {
		return err
	}
	var days []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), unfinished) {
			if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > 24*time.Hour {
				if err := os.RemoveAll(path); err != nil {
					return err
				}
			}
			continue
		}
		if _, err := vouchers.ParseDay(e.Name()); err == nil && e.IsDir() && isExport(path) {
			days = append(days, path)
		}
	}
	for ; len(days) > keep; days = days[1:] {
		if err := os.RemoveAll(days[0]); err != nil {
			return err
		}
	}
	return nil
}
