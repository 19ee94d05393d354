package issuing

import (
	"context"
	"errors"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/throttle"
	"github.com/passerelle/passerelle/vouchers"
)

// Card is what anyone who holds a booklet may see: no code, no name of a person.
type Card struct {
	Booklet      vouchers.BookletID  `json:"booklet" db:"id"`
	Campaign     vouchers.CampaignID `json:"campaign" db:"campaign_id"`
	CampaignName string              `json:"campaign_name" db:"campaign_name"`
	Funder       string              `json:"funder" db:"funder_name"`
	Prescriber   string              `json:"prescriber" db:"prescriber_name"` // who handed it over
	Count        int                 `json:"count" db:"vouchers"`
	Left         int                 `json:"vouchers_left" db:"left"`
	Held         int                 `json:"vouchers_held" db:"held"` // of those left, for booked sessions
	Frozen       int                 `json:"vouchers_frozen" db:"frozen"`
	Expired      int                 `json:"vouchers_expired" db:"expired"`
	Face         vouchers.Cents      `json:"face_cents" db:"face_cents"`
	Until        vouchers.Day        `json:"until" db:"until_on"`
	LastDay      vouchers.Day        `json:"last_day" db:"last_day"` // tolerance included
	Origin       `json:"-"`
	CampaignOnly []string   `json:"service_themes" db:"-"` // empty: every theme
	Themes       db.Strings `json:"-" db:"themes"`
}

// LeftValue is the face value that can still be spent.
func (c Card) LeftValue() vouchers.Cents { return c.Face * vouchers.Cents(c.Left) }

// Reference is how people name the booklet on the telephone. It spends nothing.
func (c Card) Reference() string { return reference(c.Booklet) }

// Used is how many vouchers were spent.
func (c Card) Used() int { return c.Count - c.Left - c.Frozen - c.Expired }

// OpenTicket shows the card of a QR payload. A payload that we did not make never
// reaches the database.
func (s *Service) OpenTicket(ctx context.Context, payload string) (Card, error) {
	ticket, err := s.keys.Check(payload)
	if err != nil {
		return Card{}, fault.New(fault.NotFound, "card_unknown")
	}
	var card Card
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		id, err := find(ctx, tx, ticket, nil)
		if err != nil {
			return err
		}
		card, err = CardOf(ctx, tx, id)
		return err
	})
	return card, err
}

// CheckTicket refuses a QR payload that we did not make, without looking for its booklet.
func (s *Service) CheckTicket(payload string) error {
	if _, err := s.keys.Check(payload); err != nil {
		return fault.New(fault.NotFound, "card_unknown")
	}
	return nil
}

// Limits of typed codes tried without an account. A person has a booklet or two; nobody
// has many booklets that begin alike.
const (
	triesByAddress = 10
	triesByPrefix  = 30
	triesWindow    = 10 * time.Minute
	prefixLength   = 3 // characters, 15 of the 65 secret bits
)

// TryTyped finds the booklet of a code that somebody unknown typed at an address, and
// gives its QR payload. The number of tries is bounded by address and by how the code
// begins, and every code that is no booklet's gets the same answer.
func (s *Service) TryTyped(ctx context.Context, address, text string) (payload string, err error) {
	typed, err := vouchers.ParseTyped(text)
	if err != nil {
		return "", fault.New(fault.Malformed, "card_mistyped")
	}
	// Committed before the look-up, so that a try counts whatever comes of it.
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := throttle.Take(ctx, tx, "card:"+address, triesByAddress, triesWindow); err != nil {
			return err
		}
		return throttle.Take(ctx, tx, "card-prefix:"+typed.String()[:prefixLength], triesByPrefix, triesWindow)
	})
	if err != nil {
		return "", err
	}
	var b Booklet
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		id, err := find(ctx, tx, vouchers.Ticket{}, s.keys.Hash(typed))
		if err != nil {
			return err
		}
		b, err = s.withCodes(ctx, tx, id)
		return err
	})
	if err != nil {
		return "", err
	}
	return vouchers.FromScan(b.QR)
}

// find is Find for the holder's page, which words its refusal for the holder.
func find(ctx context.Context, tx *db.Tx, ticket vouchers.Ticket, hashes [][]byte) (vouchers.BookletID, error) {
	id, err := Find(ctx, tx, ticket, hashes)
	if fault.Code(err) == "code_unknown" {
		return 0, fault.New(fault.NotFound, "card_unknown")
	}
	return id, err
}

// lockWait is how long a single use case waits for a booklet.
const lockWait = 2 * time.Second

// CardOf reads a booklet's card.
func CardOf(ctx context.Context, tx *db.Tx, id vouchers.BookletID) (Card, error) {
	var c Card
	err := tx.Get(ctx, &c, `
		SELECT b.id, b.campaign_id, c.name AS campaign_name, o.name AS funder_name, b.vouchers, b.face_cents, b.until_on,
			b.until_on + c.tolerance_days AS last_day, b.insee, p.name AS prescriber_name, p.postcode, p.town, c.themes,
			v.live AS left, v.held, v.frozen, v.expired
		FROM booklets b
		JOIN campaigns c ON c.id = b.campaign_id
		JOIN organisations o ON o.id = c.funder_id
		JOIN organisations p ON p.id = b.prescriber_id
		CROSS JOIN LATERAL (
			SELECT count(*) FILTER (WHERE state = 'live') AS live, count(*) FILTER (WHERE state = 'frozen') AS frozen,
				count(*) FILTER (WHERE state = 'live' AND held_until > $2) AS held,
				count(*) FILTER (WHERE state IN ('expired', 'returned', 'replaced')) AS expired
			FROM vouchers WHERE booklet_id = b.id) AS v
		WHERE b.id = $1`, id, tx.Now)
	if errors.Is(err, db.ErrNoRows) {
		return c, fault.New(fault.NotFound, "not_found")
	}
	c.CampaignOnly = append([]string{}, c.Themes...)
	return c, err
}
