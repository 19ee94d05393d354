package issuing

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// Card is what anyone who holds a booklet may see: no code, no name of a person.
type Card struct {
	Booklet      vouchers.BookletID  `json:"booklet" db:"id"`
	Campaign     vouchers.CampaignID `json:"campaign" db:"campaign_id"`
	CampaignName string              `json:"campaign_name" db:"campaign_name"`
	Funder       string              `json:"funder" db:"funder_name"`
	Count        int                 `json:"count" db:"vouchers"`
	Left         int                 `json:"vouchers_left" db:"left"`
	Frozen       int                 `json:"vouchers_frozen" db:"frozen"`
	Expired      int                 `json:"vouchers_expired" db:"expired"`
	Face         vouchers.Cents      `json:"face_cents" db:"face_cents"`
	Until        vouchers.Day        `json:"until" db:"until_on"`
	LastDay      vouchers.Day        `json:"last_day" db:"last_day"` // tolerance included
	INSEE        string              `json:"-" db:"insee"`
	CampaignOnly []string            `json:"service_themes" db:"-"` // empty: every theme
	Themes       db.Strings          `json:"-" db:"themes"`
}

// LeftValue is the face value that can still be spent.
func (c Card) LeftValue() vouchers.Cents { return c.Face * vouchers.Cents(c.Left) }

// Used is how many vouchers were spent.
func (c Card) Used() int { return c.Count - c.Left - c.Frozen - c.Expired }

// OpenTicket shows the card of a QR payload whose signature or tag is good.
func (s *Service) OpenTicket(ctx context.Context, payload string) (Card, error) {
	ticket, err := s.keys.Check(payload)
	if err != nil {
		return Card{}, fault.New(fault.Malformed, "code_malformed")
	}
	return s.open(ctx, ticket, nil)
}

// OpenTyped shows the card of a typed code. The caller limits how often it may be
// tried.
func (s *Service) OpenTyped(ctx context.Context, text string) (Card, error) {
	typed, err := vouchers.ParseTyped(text)
	if err != nil {
		return Card{}, fault.New(fault.Malformed, "code_malformed")
	}
	return s.open(ctx, vouchers.Ticket{}, s.keys.Hash(typed))
}

func (s *Service) open(ctx context.Context, ticket vouchers.Ticket, hashes [][]byte) (Card, error) {
	var card Card
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		id, err := Find(ctx, tx, ticket, hashes)
		if err != nil {
			return err
		}
		card, err = CardOf(ctx, tx, id)
		return err
	})
	return card, err
}

// Find returns the booklet that a checked ticket or the hashes of a typed code mean.
func Find(ctx context.Context, tx *db.Tx, ticket vouchers.Ticket, hashes [][]byte) (vouchers.BookletID, error) {
	found, err := candidates(ctx, tx, ticket, hashes)
	if err != nil {
		return 0, err
	}
	if id := found.Match(ticket, hashes); id != 0 {
		return id, nil
	}
	return 0, fault.New(fault.NotFound, "code_unknown")
}

// Locked are booklets that a transaction holds.
type Locked []lockedRow

type lockedRow struct {
	ID       vouchers.BookletID  `db:"id"`
	Campaign vouchers.CampaignID `db:"campaign_id"`
	Hash     []byte              `db:"typed_hash"`
}

// Match returns the booklet that a ticket or the hashes of a typed code mean, or 0.
func (l Locked) Match(ticket vouchers.Ticket, hashes [][]byte) vouchers.BookletID {
	for _, b := range l {
		if len(hashes) == 0 && int64(b.ID) == int64(ticket.Serial) && b.Campaign == ticket.Campaign {
			return b.ID
		}
		if slices.ContainsFunc(hashes, func(h []byte) bool { return string(h) == string(b.Hash) }) {
			return b.ID
		}
	}
	return 0
}

// lockWait is how long a single use case waits for a booklet.
const lockWait = 2 * time.Second

// CardOf reads a booklet's card.
func CardOf(ctx context.Context, tx *db.Tx, id vouchers.BookletID) (Card, error) {
	var c Card
	err := tx.Get(ctx, &c, `
		SELECT b.id, b.campaign_id, c.name AS campaign_name, o.name AS funder_name, b.vouchers, b.face_cents, b.until_on,
			b.until_on + c.tolerance_days AS last_day, b.insee, c.themes, v.live AS left, v.frozen, v.expired
		FROM booklets b
		JOIN campaigns c ON c.id = b.campaign_id
		JOIN organisations o ON o.id = c.funder_id
		CROSS JOIN LATERAL (
			SELECT count(*) FILTER (WHERE state = 'live') AS live, count(*) FILTER (WHERE state = 'frozen') AS frozen,
				count(*) FILTER (WHERE state IN ('expired', 'returned', 'replaced')) AS expired
			FROM vouchers WHERE booklet_id = b.id) AS v
		WHERE b.id = $1`, id)
	if errors.Is(err, db.ErrNoRows) {
		return c, fault.New(fault.NotFound, "not_found")
	}
	c.CampaignOnly = append([]string{}, c.Themes...)
	return c, err
}
