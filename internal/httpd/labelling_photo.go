package httpd

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// PhotoBody is what labelling/photo.html shows.
type PhotoBody struct {
	ID             vouchers.PlaceID
	Name           string
	Address        string // of the picture, "" where there is none
	Alt            string // as kept, or as typed
	Megabytes      int
	Field, Problem string // why the form was refused, "" at first
}

func photoOf(p labelling.Place) PhotoBody {
	body := PhotoBody{ID: p.ID, Name: p.Name, Address: photoAddress(p), Megabytes: labelling.PhotoMost >> 20}
	if p.Photo != nil {
		body.Alt = p.Photo.Alt
	}
	return body
}

func (w labellingWindow) photoPage(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	return page(c, "labelling/photo", photoOf(p))
}

func (w labellingWindow) photoForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	var form struct {
		Alt string `form:"alt"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	err = w.keepPhoto(c, p, form.Alt)
	if err != nil {
		return again(c, err, "labelling/photo", func(problem string) any {
			body := photoOf(p)
			body.Alt, body.Problem = form.Alt, problem
			if body.Field = namedField(err); body.Field == "" {
				body.Field = "photo"
			}
			return body
		})
	}
	return done(c, "/joining", "labelling.photo.kept", "place", p.Name)
}

func (w labellingWindow) keepPhoto(c *fiber.Ctx, p labelling.Place, alt string) error {
	file, err := uploaded(c, "photo")
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = w.room.SetPhoto(c.UserContext(), actor(c), p.ID, file, alt)
	return err
}

func (w labellingWindow) photoRemoveForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	if err := w.room.RemovePhoto(c.UserContext(), actor(c), p.ID); err != nil {
		return err
	}
	return done(c, fmt.Sprintf("/structure/places/%d/photo", p.ID), "labelling.photo.removed", "place", p.Name)
}

func (w labellingWindow) setPhoto(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.PlaceID) (labelling.Photo, error) {
		return w.room.SetPhoto(c.UserContext(), actor(c), id, bytes.NewReader(c.Request().Body()), c.Query("alt"))
	})
}

func (w labellingWindow) removePhoto(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	if err := w.room.RemovePhoto(c.UserContext(), actor(c), id); err != nil {
		return err
	}
	return c.SendStatus(http.StatusNoContent)
}

// photo serves the picture. An address that names the picture's hash is for good.
func (w labellingWindow) photo(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	image, hash, err := w.room.Picture(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderETag, `"`+hash+`"`)
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	if c.Query("v") == hash {
		c.Set(fiber.HeaderCacheControl, "private, max-age=31536000, immutable")
	}
	if strings.Contains(c.Get(fiber.HeaderIfNoneMatch), hash) {
		return c.SendStatus(http.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, "image/jpeg")
	c.Set(fiber.HeaderContentDisposition, "inline")
	return c.Send(image)
}

// photoAddress is where a place's photo is, "" where there is none.
func photoAddress(p labelling.Place) string {
	if p.Photo == nil {
		return ""
	}
	return fmt.Sprintf("/places/%d/photo?v=%s", p.ID, p.Photo.SHA256)
}
