// Package files keeps what people send as proof: apart from everything else, looked at
// before it is kept, and never changed.
package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"image"
	_ "image/jpeg" // what a proof may be
	_ "image/png"
	"path"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Most is how large a file may be, in bytes.
const Most = 5 << 20

const (
	longestName = 120
	mostPixels  = 50_000_000
)

// Upload is a file as it was sent: a PDF, a JPEG or a PNG. In JSON its content is base64.
type Upload struct {
	Name    string `json:"name"`
	Content []byte `json:"content"`
}

// File is a file that is kept.
type File struct {
	ID           vouchers.ProofID        `json:"id" db:"id"`
	Organisation vouchers.OrganisationID `json:"-" db:"organisation_id"`
	Name         string                  `json:"name" db:"name"`
	Type         string                  `json:"media_type" db:"media_type"` // "application/pdf", "image/jpeg", "image/png"
	Size         int                     `json:"bytes" db:"size"`
	SentAt       time.Time               `json:"sent_at" db:"sent_at"`
	Content      []byte                  `json:"-" db:"content"` // of Open only
}

var (
	// active are the names in a PDF of what runs, opens something else or carries other files.
	active = regexp.MustCompile(`/(JavaScript|JS|Launch|EmbeddedFile|RichMedia|XFA)\b`)
	// streams are a PDF's pages and pictures, most of them packed: any bytes may come.
	streams = regexp.MustCompile(`(?s)stream\r?\n.*?endstream`)
)

// Check looks at a file and tells what it is, whatever its name says. Its faults are
// file_missing, file_too_large, file_type and file_active.
func (u Upload) Check() (mediaType string, err error) {
	switch {
	case len(u.Content) == 0:
		return "", fault.New(fault.Invalid, "file_missing")
	case len(u.Content) > Most:
		return "", fault.New(fault.Invalid, "file_too_large", "most", Most>>20)
	case bytes.HasPrefix(u.Content, []byte("%PDF-")) && bytes.Contains(tail(u.Content), []byte("%%EOF")):
		if active.Match(streams.ReplaceAllLiteral(u.Content, nil)) {
			return "", fault.New(fault.Invalid, "file_active")
		}
		return "application/pdf", nil
	}
	size, format, err := image.DecodeConfig(bytes.NewReader(u.Content))
	if err != nil || format != "jpeg" && format != "png" || size.Width*size.Height > mostPixels {
		return "", fault.New(fault.Invalid, "file_type")
	}
	return "image/" + format, nil
}

// tail is where a PDF has to end.
func tail(content []byte) []byte { return content[max(0, len(content)-1024):] }

// tidyName keeps the last part of a name, without what could mislead whoever saves it.
func tidyName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) || strings.ContainsRune(`"<>:|?*/`, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, "")))
	for utf8.RuneCountInString(name) > longestName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if strings.Trim(name, ".") == "" {
		return "document"
	}
	return name
}

// Keep keeps a file for the actor's organisation, or for somebody who has none. Its faults are those of Check.
func Keep(ctx context.Context, tx *db.Tx, actor identity.Actor, u Upload) (File, error) {
	kind, err := u.Check()
	if err != nil {
		return File{}, err
	}
	f := File{Organisation: actor.Organisation, Name: tidyName(u.Name), Type: kind, Size: len(u.Content), SentAt: tx.Now}
	sum := sha256.Sum256(u.Content)
	err = tx.Get(ctx, &f.ID, `
		INSERT INTO files (organisation_id, name, media_type, sha256, content, sent_at, sent_by)
		VALUES (NULLIF($1::bigint, 0), $2, $3, $4, $5, $6, NULLIF($7::bigint, 0)) RETURNING id`,
		f.Organisation, f.Name, f.Type, sum[:], u.Content, tx.Now, actor.Person)
	return f, err
}

// Open reads a file with its content. Whoever calls it has made sure that the reader may.
func Open(ctx context.Context, tx *db.Tx, id vouchers.ProofID) (File, error) {
	var f File
	err := tx.Get(ctx, &f, `
		SELECT id, COALESCE(organisation_id, 0) AS organisation_id, name, media_type, length(content) AS size, sent_at, content FROM files WHERE id = $1`, id)
	if errors.Is(err, db.ErrNoRows) {
		return File{}, fault.New(fault.NotFound, "not_found")
	}
	return f, err
}
