package httpd

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/vouchers"
)

// HomeFigures are the live figures of the home page.
type HomeFigures struct {
	LiveCents      vouchers.Cents // handed over and not used
	OwedCents      vouchers.Cents // used and not yet paid to structures
	HeldCents      vouchers.Cents // cash on the segregated account
	At             time.Time      // when the three were read
	Places         int            // known
	LabelledPlaces int            // take cheques today
}

// Covered tells whether the cash held is enough for what is live and what is owed.
func (f HomeFigures) Covered() bool { return f.HeldCents >= f.LiveCents+f.OwedCents }

func (s *Server) home(c *fiber.Ctx) error {
	figures, err := s.options.Home(c.UserContext())
	if err != nil {
		return err
	}
	return page(c, "home/home", figures)
}
