package continuity

import (
	"bufio"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// CheckFolder reads the manifest of an export and checks that it is signed, by trusted where
// that is given, and that every file is the one that it names. Its faults are
// continuity_not_an_export, continuity_signature, continuity_other_key and
// continuity_file_changed.
func CheckFolder(dir string, trusted ed25519.PublicKey) (Manifest, error) {
	var m Manifest
	text, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil || json.Unmarshal(text, &m) != nil || m.Format != format {
		return m, fault.New(fault.Invalid, "continuity_not_an_export", "folder", dir)
	}
	signature, err := os.ReadFile(filepath.Join(dir, signatureFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return m, err
	}
	if len(m.Key.Ed25519) != ed25519.PublicKeySize || !ed25519.Verify(m.Key.Ed25519, text, signature) {
		return m, fault.New(fault.Invalid, "continuity_signature")
	}
	if trusted != nil && !trusted.Equal(m.Key.Ed25519) {
		return m, fault.New(fault.Invalid, "continuity_other_key")
	}
	for _, f := range m.Files {
		same, err := f.isIn(dir)
		if err != nil {
			return m, err
		}
		if !same {
			return m, fault.New(fault.Invalid, "continuity_file_changed", "file", f.Name)
		}
	}
	return m, nil
}

// isIn says whether the folder holds the very file.
func (f File) isIn(dir string) (bool, error) {
	if !filepath.IsLocal(filepath.FromSlash(f.Name)) {
		return false, nil
	}
	file, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Name)))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	return size == f.Size && vouchers.Digest(sum.Sum(nil)) == f.SHA256, err
}

// opened is instance.age, decrypted as it is read.
type opened struct {
	file  *os.File
	lines *bufio.Reader
}

// openInstance decrypts instance.age. Its fault is trustee_identity_wrong.
func openInstance(dir string, identities []age.Identity) (*opened, error) {
	file, err := os.Open(filepath.Join(dir, instanceFile+".age"))
	if err != nil {
		return nil, err
	}
	clear, err := age.Decrypt(bufio.NewReaderSize(file, 1<<16), identities...)
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		err = fault.New(fault.Invalid, "trustee_identity_wrong")
	}
	var unpacked *gzip.Reader
	if err == nil {
		unpacked, err = gzip.NewReader(clear)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &opened{file, bufio.NewReaderSize(unpacked, 1<<16)}, nil
}

// line is the next line, without its end. The last one is followed by io.EOF.
func (o *opened) line() ([]byte, error) {
	line, err := o.lines.ReadBytes('\n')
	if len(line) > 0 && errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return line[:len(line)-1], nil
}

func (o *opened) close() { _ = o.file.Close() } // it was only read
