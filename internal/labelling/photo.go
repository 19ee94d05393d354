package labelling

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// PhotoMost is how many bytes a photo may have that is sent.
const PhotoMost = 5 << 20

const (
	altLeast = 5 // characters
	altMost  = 200
)

// Photo is what is told of a place's photo, besides the picture.
type Photo struct {
	SHA256 string `json:"sha256"` // of the picture as it is served
	Alt    string `json:"alt"`    // what is to be seen on it, for whoever does not see it
}

// SetPhoto keeps a JPEG or PNG as the photo of a place of the actor's structure, drawn anew:
// where and when it was taken, and whatever else the file hides, is not kept. Its faults are
// not_found, photo_alt_length, photo_too_large, photo_unread and photo_too_many_pixels.
func (s *Service) SetPhoto(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, file io.Reader, alt string) (Photo, error) {
	if err := needsPlaces(actor); err != nil {
		return Photo{}, err
	}
	if alt = strings.Join(strings.Fields(alt), " "); utf8.RuneCountInString(alt) < altLeast || utf8.RuneCountInString(alt) > altMost {
		return Photo{}, fault.New(fault.Invalid, "photo_alt_length", "field", "alt", "least", altLeast, "most", altMost)
	}
	if err := s.owns(ctx, actor, place); err != nil { // before the work of decoding
		return Photo{}, err
	}
	drawn, err := s.draw(ctx, file)
	if err != nil {
		return Photo{}, err
	}
	photo := Photo{SHA256: drawn.sha256, Alt: alt}
	what := struct {
		Place vouchers.PlaceID `json:"place"`
		Photo
	}{place, photo}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := once.Do(ctx, tx, actor.Organisation, "set_photo", what, func() (Photo, error) {
			return photo, changePhoto(ctx, tx, actor, place, "photo_set", &photo, func() error {
				return insertPhoto(ctx, tx, actor, place, drawn, alt)
			})
		})
		return err
	})
	return photo, err
}

// draw decodes and encodes one photo at a time: each takes some hundred megabytes.
func (s *Service) draw(ctx context.Context, file io.Reader) (picture, error) {
	select {
	case s.drawings <- struct{}{}:
	case <-ctx.Done():
		return picture{}, fmt.Errorf("labelling: waiting to draw a photo: %w", ctx.Err())
	}
	defer func() { <-s.drawings }()
	sent, err := io.ReadAll(io.LimitReader(file, PhotoMost+1))
	if err != nil {
		return picture{}, fmt.Errorf("labelling: photo: %w", err)
	}
	return redraw(sent)
}

// RemovePhoto takes the photo of a place of the actor's structure away. Its fault is not_found.
func (s *Service) RemovePhoto(ctx context.Context, actor identity.Actor, place vouchers.PlaceID) error {
	if err := needsPlaces(actor); err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := once.Do(ctx, tx, actor.Organisation, "remove_photo", place, func() (struct{}, error) {
			return struct{}{}, changePhoto(ctx, tx, actor, place, "photo_removed", nil, func() error {
				return deletePhoto(ctx, tx, place)
			})
		})
		return err
	})
}

// changePhoto locks the place, writes, and records what the photo was and is.
func changePhoto(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, action string, after *Photo, write func() error) error {
	if err := LockOwn(ctx, tx, actor, place); err != nil {
		return err
	}
	before, err := PlaceOf(ctx, tx, place)
	if err != nil {
		return err
	}
	if before.Photo == nil && after == nil {
		return fault.New(fault.NotFound, "not_found")
	}
	if err := write(); err != nil {
		return err
	}
	return audit.Record(ctx, tx, actor, action, object(place), before.Photo, after)
}

func (s *Service) owns(ctx context.Context, actor identity.Actor, place vouchers.PlaceID) error {
	p, err := s.Open(ctx, actor, place)
	if err == nil && p.Structure != actor.Organisation {
		err = fault.New(fault.NotFound, "not_found")
	}
	return err
}

// Picture reads a place's photo, a JPEG, for whoever may see the place. Its fault is not_found.
func (s *Service) Picture(ctx context.Context, actor identity.Actor, place vouchers.PlaceID) (image []byte, sha256 string, err error) {
	if _, err := s.Open(ctx, actor, place); err != nil {
		return nil, "", err
	}
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) {
		image, sha256, err = photo(ctx, tx, place)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		err = fault.New(fault.NotFound, "not_found")
	}
	return image, sha256, err
}

func insertPhoto(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, p picture, alt string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO place_photos (place_id, sha256, image, width, height, alt, set_at, set_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT ON CONSTRAINT place_photos_pkey DO UPDATE SET (sha256, image, width, height, alt, set_at, set_by) =
			ROW(excluded.sha256, excluded.image, excluded.width, excluded.height, excluded.alt, excluded.set_at, excluded.set_by)`,
		place, p.sha256, p.jpeg, p.width, p.height, alt, tx.Now, actor.Person)
	return err
}

func deletePhoto(ctx context.Context, tx *db.Tx, place vouchers.PlaceID) error {
	_, err := tx.Exec(ctx, `DELETE FROM place_photos WHERE place_id = $1`, place)
	return err
}

func photo(ctx context.Context, tx *db.Tx, place vouchers.PlaceID) ([]byte, string, error) {
	var r struct {
		Image  []byte `db:"image"`
		SHA256 string `db:"sha256"`
	}
	err := tx.Get(ctx, &r, `SELECT image, sha256 FROM place_photos WHERE place_id = $1`, place)
	return r.Image, r.SHA256, err
}
