// Package redemption is the counter: a structure takes k vouchers of a booklet for
// one service, all or nothing. There is one way through: Redeem, which hands the
// request to the batcher (batch.go), which asks rules.go and writes with sql.go.
package redemption

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to redeem.
const Scope = "redemptions"

// undoWindow is how long the structure may take a redemption back, if it has not
// been settled before.
const undoWindow = 24 * time.Hour

// Service is the counter's use cases.
type Service struct {
	db      *db.DB
	keys    *vouchers.Keyring
	log     *slog.Logger
	batcher *batcher
	tries   tries
}

// New starts the counter. Stop ends it.
func New(ctx context.Context, d *db.DB, keys *vouchers.Keyring, log *slog.Logger) (*Service, error) {
	hot, err := d.Walking(ctx)
	if err != nil {
		return nil, err
	}
	s := &Service{db: d, keys: keys, log: log, tries: tries{until: map[vouchers.OrganisationID]time.Time{}}}
	s.batcher = newBatcher(hot, log)
	return s, nil
}

// Stop lets the batch in flight finish and takes no more.
func (s *Service) Stop() { s.batcher.stop() }

// Request is what a mediator asks: k vouchers of the booklet with this code, for one
// service.
type Request struct {
	Code            string           `json:"code"` // typed code, scanned text or QR payload
	Count           int              `json:"count"`
	Theme           string           `json:"service_theme"`
	DurationMinutes int              `json:"duration_minutes"`
	Mode            string           `json:"mode"`            // individual, group or remote
	Place           vouchers.PlaceID `json:"place,omitempty"` // may be absent where the structure has one place
}

// Redemption is a receipt.
type Redemption struct {
	ID              vouchers.RedemptionID `json:"id"`
	At              time.Time             `json:"at"`
	Campaign        vouchers.CampaignID   `json:"campaign"`
	Booklet         vouchers.BookletID    `json:"booklet"`
	Place           vouchers.PlaceID      `json:"place"`
	PlaceName       string                `json:"place_name"`
	Theme           string                `json:"service_theme"`
	DurationMinutes int                   `json:"duration_minutes"`
	Mode            string                `json:"mode"`
	Count           int                   `json:"count"`
	Amount          vouchers.Cents        `json:"amount_cents"`
	Left            int                   `json:"vouchers_left"`
	UndoUntil       time.Time             `json:"undo_until"`
}

// Redeem takes vouchers. The answer is done (a receipt), refused (a fault), or unknown
// (outcome_unknown: send the same request with the same key again).
func (s *Service) Redeem(ctx context.Context, actor identity.Actor, req Request) (Redemption, error) {
	if err := mayRedeem(actor); err != nil {
		return Redemption{}, err
	}
	if err := checkShape(req); err != nil {
		return Redemption{}, err
	}
	if err := s.tries.check(actor.Organisation, s.db.Now()); err != nil {
		return Redemption{}, err
	}
	code, err := readCode(s.keys, req.Code)
	if err != nil {
		return Redemption{}, err
	}
	hash, err := once.Hash("redeem", code.fingerprint(req))
	if err != nil {
		return Redemption{}, err
	}
	token := once.From(ctx)
	if token == nil {
		token = &once.Token{Key: rand.Text()}
	}
	it := &item{req: req, code: code, actor: actor, key: token.Key, hash: hash, done: make(chan struct{})}
	if err := s.batcher.submit(ctx, it); err != nil {
		return Redemption{}, err
	}
	token.Replayed = it.replayed
	if fault.Code(it.err) == "code_unknown" {
		s.tries.failed(ctx, s.db, actor.Organisation)
	}
	return it.answer, it.err
}

func mayRedeem(actor identity.Actor) error {
	if err := actor.Needs(identity.Structure, identity.Agent); err != nil {
		return err
	}
	return actor.NeedsScope(Scope)
}

// UndoRequest says which redemption is taken back and why.
type UndoRequest struct {
	ID     vouchers.RedemptionID `json:"id"`
	Reason string                `json:"reason"`
}

// Undone is the receipt of an undo.
type Undone struct {
	ID    vouchers.RedemptionID `json:"id"`
	At    time.Time             `json:"at"`
	Count int                   `json:"count"`
	Left  int                   `json:"vouchers_left"`
}

// Undo takes a redemption back: the same structure, within a day, with a reason,
// before settlement. The vouchers are live again; nothing is deleted.
func (s *Service) Undo(ctx context.Context, actor identity.Actor, req UndoRequest) (Undone, error) {
	if err := mayRedeem(actor); err != nil {
		return Undone{}, err
	}
	if len(req.Reason) < 3 || len(req.Reason) > 500 {
		return Undone{}, fault.New(fault.Invalid, "undo_reason_missing")
	}
	var undone Undone
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		undone, err = once.Do(ctx, tx, actor.Organisation, "undo", req, func() (Undone, error) {
			return undo(ctx, tx, actor, req)
		})
		return err
	})
	return undone, err
}

func undo(ctx context.Context, tx *db.Tx, actor identity.Actor, req UndoRequest) (Undone, error) {
	if err := keepOpen(ctx, tx, req.ID); err != nil {
		return Undone{}, err
	}
	if err := ledger.Enter(ctx, tx); err != nil {
		return Undone{}, err
	}
	r, err := lockForUndo(ctx, tx, actor.Organisation, req.ID)
	if err != nil {
		return Undone{}, err
	}
	if err := mayUndo(r, tx.Now); err != nil {
		return Undone{}, err
	}
	owed, err := ledger.HoldPayable(ctx, tx, actor.Organisation, r.Campaign)
	if err != nil {
		return Undone{}, err
	}
	if owed < r.Amount { // it has paid a debt
		return Undone{}, fault.New(fault.Conflict, "already_settled")
	}
	ids, err := markUndone(ctx, tx, actor, req)
	if err != nil {
		return Undone{}, err
	}
	if err := issuing.MakeLiveAgain(ctx, tx, ids); err != nil {
		return Undone{}, err
	}
	if err := ledger.Post(ctx, tx, ledger.Undone(r.ID, r.Campaign, actor.Organisation, r.Amount)...); err != nil {
		return Undone{}, err
	}
	if err := audit.Record(ctx, tx, actor, "redemption_undone", objectName(req.ID), nil, map[string]string{"reason": req.Reason}); err != nil {
		return Undone{}, err
	}
	left, err := issuing.Left(ctx, tx, r.Booklet)
	return Undone{ID: r.ID, At: tx.Now, Count: r.Vouchers, Left: left}, err
}

// Checked is what a code is good for. It spends nothing.
type Checked struct {
	issuing.Card
	Themes   []ThemeOffer `json:"themes"`        // what this place may take it for
	PriceCap int          `json:"price_cap"`     // most vouchers for one service
	Here     int          `json:"vouchers_here"` // of those left, what is not held for a session elsewhere
	Booked   []Booked     `json:"booked"`        // sessions here that vouchers are held for
	Refusal  string       `json:"refusal,omitempty"`
	Refused  *fault.Error `json:"-"` // Refusal with the values of its sentence
}

// ThemeOffer is a service of the place that the campaign accepts, with its price.
type ThemeOffer struct {
	Theme           string         `json:"theme" db:"theme"`
	Title           string         `json:"title" db:"title"` // "": the theme says it all
	PriceVouchers   int            `json:"price_vouchers" db:"price_vouchers"`
	Extra           vouchers.Cents `json:"extra_cents" db:"extra_cents"` // what the person pays besides
	DurationMinutes int            `json:"duration_minutes" db:"duration_minutes"`
}

// CheckRequest asks what a code is good for at a place.
type CheckRequest struct {
	Code  string           `json:"code"`
	Place vouchers.PlaceID `json:"place,omitempty"`
}

// Check tells what is left of a booklet and for what it may be used here. Refusal is
// the code of the fault that a redemption would meet now, if any.
func (s *Service) Check(ctx context.Context, actor identity.Actor, req CheckRequest) (Checked, error) {
	if err := mayRedeem(actor); err != nil {
		return Checked{}, err
	}
	if err := s.tries.check(actor.Organisation, s.db.Now()); err != nil {
		return Checked{}, err
	}
	code, err := readCode(s.keys, req.Code)
	if err != nil {
		return Checked{}, err
	}
	var checked Checked
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) {
		checked, err = check(ctx, tx, actor, req.Place, code)
		return err
	})
	if fault.Code(err) == "code_unknown" {
		s.tries.failed(ctx, s.db, actor.Organisation)
	}
	return checked, err
}

func check(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, code code) (Checked, error) {
	booklet, err := findBooklet(ctx, tx, code)
	if err != nil {
		return Checked{}, err
	}
	card, err := issuing.CardOf(ctx, tx, booklet)
	if err != nil {
		return Checked{}, err
	}
	checked := Checked{Card: card, Themes: []ThemeOffer{}, Booked: []Booked{}}
	ask := item{actor: actor, req: Request{Place: place}, code: code, booklet: booklet}
	facts, err := readFacts(ctx, tx.Select, tx.Now, []*item{&ask})
	if err != nil {
		return Checked{}, err
	}
	checked.PriceCap, checked.Here = facts[0].PriceCap, len(facts[0].Live)
	if refusal := standing(&facts[0], 1, vouchers.DayOf(tx.Now)); refusal != nil {
		ask.err = refusal
		if err := explain(ctx, tx.Select, []*item{&ask}, facts); err != nil {
			return Checked{}, err
		}
		errors.As(ask.err, &checked.Refused)
		checked.Refusal = checked.Refused.Code
	}
	here := vouchers.PlaceID(facts[0].Place)
	if checked.Booked, err = bookedHere(ctx, tx, booklet, here); err != nil {
		return Checked{}, err
	}
	checked.Themes, err = offers(ctx, tx, here, card.Campaign)
	return checked, err
}

// Line is a redemption in a list.
type Line struct {
	ID        vouchers.RedemptionID `json:"id" db:"id"`
	At        time.Time             `json:"at" db:"at"`
	Booklet   vouchers.BookletID    `json:"booklet" db:"booklet_id"`
	Place     vouchers.PlaceID      `json:"place" db:"place_id"`
	PlaceName string                `json:"place_name" db:"place_name"`
	Theme     string                `json:"service_theme" db:"theme"`
	Count     int                   `json:"count" db:"vouchers"`
	Amount    vouchers.Cents        `json:"amount_cents" db:"amount_cents"`
	Undone    bool                  `json:"undone" db:"undone"`
	Settled   bool                  `json:"settled" db:"settled"`
	Withheld  bool                  `json:"withheld" db:"withheld"` // a complaint is open: it is not paid
	CanUndo   bool                  `json:"can_undo"`
	Way
}

func (l Line) canUndo(now time.Time) bool {
	return !l.Undone && !l.Settled && !l.Withheld && !now.After(l.At.Add(undoWindow))
}

// List returns the structure's redemptions below the cursor (0: the latest), newest
// first.
func (s *Service) List(ctx context.Context, actor identity.Actor, before vouchers.RedemptionID, limit int) ([]Line, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return nil, err
	}
	var lines []Line
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		lines, err = list(ctx, tx, actor.Organisation, before, min(max(limit, 1), 200))
		for i := range lines {
			l := &lines[i]
			l.CanUndo = l.canUndo(tx.Now)
		}
		return err
	})
	return lines, err
}

// tries remembers, per process, which organisations have tried too many unknown codes.
// The count itself is in the database, shared by all nodes.
type tries struct {
	mu    sync.Mutex
	until map[vouchers.OrganisationID]time.Time
}

func (t *tries) check(org vouchers.OrganisationID, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	until, blocked := t.until[org]
	if !blocked {
		return nil
	}
	if wait := until.Sub(now); wait > 0 {
		return fault.New(fault.RateLimited, "rate_limited", "wait", wait)
	}
	delete(t.until, org)
	return nil
}

func (t *tries) failed(ctx context.Context, d *db.DB, org vouchers.OrganisationID) {
	err := d.InTx(ctx, func(tx *db.Tx) error { return takeTry(ctx, tx, org) })
	var limited *fault.Error
	if errors.As(err, &limited) && limited.Kind == fault.RateLimited {
		t.mu.Lock()
		t.until[org] = d.Now().Add(triesWindow)
		t.mu.Unlock()
	}
}
