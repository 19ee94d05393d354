package booking

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/vouchers"
)

// Search asks which sessions a booklet can be used for.
type Search struct {
	Code    string
	Booklet vouchers.BookletID // of a prescriber
	Lat     *float64           // from where; nil: the soonest first
	Lon     *float64
	Place   vouchers.PlaceID // only there; 0: everywhere
	Limit   int
	Besides vouchers.BookingID // whose vouchers count as free
}

// Found is a session that a booklet can be used for, full as it may be.
type Found struct {
	ID        vouchers.SessionID `db:"id"`
	Place     vouchers.PlaceID   `db:"place_id"`
	PlaceName string             `db:"place_name"`
	Town      string             `db:"town"`
	Km        *float64           `db:"km"`
	Kind      agenda.Kind        `db:"kind"`
	Theme     string             `db:"theme"`
	Title     string             `db:"title"`
	Price     int                `db:"price_vouchers"`
	Extra     vouchers.Cents     `db:"extra_cents"`
	StartsAt  time.Time          `db:"starts_at"`
	EndsAt    time.Time          `db:"ends_at"`
	Seats     int                `db:"seats"`
	Taken     int                `db:"taken"`
	Note      string             `db:"note"`
}

// Free is how many seats can be booked.
func (f Found) Free() int { return max(f.Seats-f.Taken, 0) }

const (
	findDays    = 45 // ahead
	findAtPlace = 3  // sessions of one place among others, and as many slots
	insteadMost = 60
)

// Find lists sessions of the next weeks that a booklet can pay, the nearest places first,
// and the booklet's card. Of many places each has its next few.
func (s *Service) Find(ctx context.Context, actor identity.Actor, q Search) (issuing.Card, []Found, error) {
	if err := s.mayTry(ctx, actor, q.Code); err != nil {
		return issuing.Card{}, nil, err
	}
	var card issuing.Card
	var found []Found
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		who, err := s.holderOf(ctx, tx, actor, q.Code, q.Booklet)
		if err != nil {
			return err
		}
		if card, err = issuing.CardOf(ctx, tx, who.booklet); err != nil {
			return err
		}
		found, err = find(ctx, tx, who, q)
		return err
	})
	return card, found, err
}

// Instead lists the other sessions of a booking's place that have a seat and that its
// booklet can pay, with the vouchers that the booking holds.
func (s *Service) Instead(ctx context.Context, actor identity.Actor, id vouchers.BookingID, code string) ([]Found, error) {
	var others []Found
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		k, by, err := s.own(ctx, tx, actor, id, code)
		if err != nil {
			return err
		}
		w := who{by: by, booklet: k.Booklet}
		if by == Place {
			w.structure = k.Structure
		}
		found, err := find(ctx, tx, w, Search{Place: k.Place, Limit: insteadMost, Besides: k.ID})
		for _, f := range found {
			if f.ID != k.Session && f.Free() > 0 {
				others = append(others, f)
			}
		}
		return err
	})
	return others, err
}

// Offer is what somebody decides on before booking.
type Offer struct {
	Session agenda.Session
	Place   string
	Address string
	Card    issuing.Card
	Rule    string // what not coming costs: "none", "one" or "all"
	Refusal error  // why the booklet cannot be used, nil where it can
}

// Look tells what booking a session with a booklet would mean. It changes nothing.
func (s *Service) Look(ctx context.Context, actor identity.Actor, req Request) (Offer, error) {
	if err := s.mayTry(ctx, actor, req.Code); err != nil {
		return Offer{}, err
	}
	var o Offer
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		who, err := s.holderOf(ctx, tx, actor, req.Code, req.Booklet)
		if err != nil {
			return err
		}
		if o.Session, err = agenda.Get(ctx, tx, req.Session); err != nil {
			return err
		}
		if o.Card, err = issuing.CardOf(ctx, tx, who.booklet); err != nil {
			return err
		}
		f, err := readFacts(ctx, tx, who, o.Session)
		if err != nil {
			return err
		}
		o.Rule, o.Refusal = string(f.NoShow), mayBook(f, o.Session, who, tx.Now)
		if fault.Code(o.Refusal) == "not_found" {
			return o.Refusal
		}
		return placeOf(ctx, tx, &o)
	})
	return o, err
}

func placeOf(ctx context.Context, tx *db.Tx, o *Offer) error {
	var p struct {
		Name    string `db:"name"`
		Address string `db:"address"`
	}
	err := tx.Get(ctx, &p, `
		SELECT name, concat_ws(', ', NULLIF(address, ''), NULLIF(concat_ws(' ', postcode, town), '')) AS address FROM places WHERE id = $1`, o.Session.Place)
	o.Place, o.Address = p.Name, p.Address
	return err
}

func find(ctx context.Context, tx *db.Tx, w who, q Search) ([]Found, error) {
	found, each := []Found{}, findAtPlace
	if q.Place != 0 {
		each = q.Limit
	}
	err := tx.Select(ctx, &found, `
		SELECT id, place_id, place_name, town, km, kind, theme, title, price_vouchers, extra_cents, starts_at, ends_at, seats, taken, note FROM (
			SELECT a.id, a.place_id, p.name AS place_name, p.town, km_between($2, $3, p.lat, p.lon) AS km, a.kind, s.theme, s.title, s.price_vouchers,
				s.extra_cents, a.starts_at, a.ends_at, a.seats, a.note, k.taken, row_number() OVER (PARTITION BY a.place_id, a.kind = 'slot' ORDER BY a.starts_at, a.id) AS n
			FROM booklets b JOIN campaigns c ON c.id = b.campaign_id
			CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE held_until IS NULL OR held_until <= $4 OR held_for = $10) AS free FROM vouchers WHERE booklet_id = b.id AND state = 'live') AS v
			JOIN agenda_sessions a ON a.cancelled_at IS NULL AND a.starts_at > $4 AND a.starts_at <= $5 AND ($6 = 0 OR a.place_id = $6)
			JOIN services s ON s.id = a.service_id
			JOIN places p ON p.id = a.place_id AND ($7 = 0 AND p.listed AND p.closed_at IS NULL OR p.structure_id = $7)
			CROSS JOIN LATERAL (SELECT count(*) FROM bookings WHERE session_id = a.id AND state IN ('booked', 'no_show')) AS k(taken)
			WHERE b.id = $1 AND (a.kind <> 'slot' OR k.taken = 0) AND (s.price_vouchers = 0 OR s.price_vouchers <= LEAST(c.price_cap, v.free)
				AND (a.starts_at AT TIME ZONE 'Europe/Paris')::date BETWEEN b.from_on AND b.until_on + c.tolerance_days
				AND (cardinality(c.themes) = 0 OR s.theme = ANY (c.themes))
				AND (p.insee = ANY (c.communes) OR p.epci = ANY (c.epcis) OR p.departement = ANY (c.departements)
					OR cardinality(c.communes) + cardinality(c.epcis) + cardinality(c.departements) = 0)
				AND EXISTS (SELECT 1 FROM labels l WHERE l.place_id = p.id AND l.ended_at IS NULL AND l.suspended_at IS NULL
					AND (a.starts_at AT TIME ZONE 'Europe/Paris')::date BETWEEN l.starts_on AND l.ends_on
					AND (cardinality(c.accepted_labels) = 0 OR l.kind = ANY (c.accepted_labels) OR p.programmes && c.accepted_labels OR p.trainings && c.accepted_labels)))) AS usable
		WHERE n <= $8 ORDER BY km NULLS LAST, CASE WHEN km IS NOT NULL THEN place_id END, starts_at, id LIMIT $9`,
		w.booklet, q.Lat, q.Lon, tx.Now, tx.Now.AddDate(0, 0, findDays), q.Place, w.structure, each, q.Limit, q.Besides)
	return found, err
}
