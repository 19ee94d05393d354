// Package issuing puts vouchers into people's hands: a funder allocates vouchers of a
// campaign to a prescriber, the prescriber hands over booklets, and that alone makes
// vouchers live. It also freezes and expires them, and is the only writer of booklets
// and vouchers.
package issuing

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to hand over.
const Scope = "handovers"

// Notify enqueues the receipt of a hand-over in its transaction.
type Notify func(ctx context.Context, tx *db.Tx, to string, booklet Booklet) error

// Service is the use cases of issuing.
type Service struct {
	db     *db.DB
	keys   *vouchers.Keyring
	origin string // scheme and host of the addresses in QR codes
	notify Notify
	log    *slog.Logger
}

// New makes the service. origin is PUBLIC_URL.
func New(d *db.DB, keys *vouchers.Keyring, origin string, notify Notify, log *slog.Logger) *Service {
	return &Service{db: d, keys: keys, origin: origin, notify: notify, log: log}
}

// AllocateRequest gives a prescriber more vouchers of a campaign.
type AllocateRequest struct {
	Campaign   vouchers.CampaignID     `json:"campaign"`
	Prescriber vouchers.OrganisationID `json:"prescriber"`
	Vouchers   int                     `json:"vouchers"`
}

// Allocation is what a prescriber may hand over of a campaign.
type Allocation struct {
	ID             vouchers.AllocationID   `json:"id" db:"id"`
	Campaign       vouchers.CampaignID     `json:"campaign" db:"campaign_id"`
	CampaignName   string                  `json:"campaign_name" db:"campaign_name"`
	Prescriber     vouchers.OrganisationID `json:"prescriber" db:"prescriber_id"`
	PrescriberName string                  `json:"prescriber_name" db:"prescriber_name"`
	Vouchers       int                     `json:"vouchers" db:"vouchers"`
	HandedOver     int                     `json:"handed_over" db:"handed_over"`
	Face           vouchers.Cents          `json:"face_cents" db:"face_cents"`
	BookletSize    int                     `json:"booklet_size" db:"booklet_size"`
	StartsOn       vouchers.Day            `json:"starts_on" db:"starts_on"`
	EndsOn         vouchers.Day            `json:"ends_on" db:"ends_on"`
}

// Left is how many vouchers the prescriber can still hand over.
func (a Allocation) Left() int { return a.Vouchers - a.HandedOver }

// Allocate lets a prescriber hand over more vouchers, at most what the campaign's cash
// covers: handed out ≤ allocated ≤ funded.
func (s *Service) Allocate(ctx context.Context, actor identity.Actor, req AllocateRequest) (Allocation, error) {
	if err := actor.Needs(identity.Funder, identity.Agent, identity.Finance); err != nil {
		return Allocation{}, err
	}
	if err := actor.NeedsScope(campaigns.Scope); err != nil {
		return Allocation{}, err
	}
	if req.Vouchers < 1 || req.Vouchers > 1_000_000 {
		return Allocation{}, fault.New(fault.Invalid, "vouchers_out_of_range")
	}
	var a Allocation
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		a, err = once.Do(ctx, tx, actor.Organisation, "allocate", req, func() (Allocation, error) {
			return allocate(ctx, tx, actor, req)
		})
		return err
	})
	return a, err
}

func allocate(ctx context.Context, tx *db.Tx, actor identity.Actor, req AllocateRequest) (Allocation, error) {
	c, err := campaigns.Led(ctx, tx, actor, req.Campaign)
	if err != nil {
		return Allocation{}, err
	}
	if err := identity.MustBe(ctx, tx, req.Prescriber, identity.Prescriber); err != nil {
		return Allocation{}, err
	}
	funds, err := ledger.LockGuarded(ctx, tx, ledger.Funds(c.ID))
	if err != nil {
		return Allocation{}, err
	}
	promised, err := promisedVouchers(ctx, tx, c.ID)
	if err != nil {
		return Allocation{}, err
	}
	free := int(funds/c.Face) - promised
	if req.Vouchers > free {
		return Allocation{}, fault.New(fault.Conflict, "allocation_not_funded", "asked", req.Vouchers, "free", max(free, 0))
	}
	if err := addToAllocation(ctx, tx, req); err != nil {
		return Allocation{}, err
	}
	object := fmt.Sprintf("campaign:%d", c.ID)
	if err := audit.Record(ctx, tx, actor, "vouchers_allocated", object, nil, req); err != nil {
		return Allocation{}, err
	}
	return allocationOf(ctx, tx, req.Campaign, req.Prescriber)
}

// FitAllocations takes from prescribers what a campaign's cash no longer covers, the latest
// allocations first: handed out ≤ allocated ≤ funded. The caller's tx has taken cash out of
// the campaign's funds.
func FitAllocations(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) error {
	c, err := campaigns.Get(ctx, tx, id)
	if err != nil {
		return err
	}
	funds, err := ledger.LockGuarded(ctx, tx, ledger.Funds(id))
	if err != nil {
		return err
	}
	return fitAllocations(ctx, tx, id, int(funds/c.Face))
}

// Allocations lists what the actor's organisation has given (a funder) or was given (a
// prescriber).
func (s *Service) Allocations(ctx context.Context, actor identity.Actor) ([]Allocation, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Prescriber); err != nil {
		return nil, err
	}
	var all []Allocation
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = allocations(ctx, tx, actor.Organisation)
		return err
	})
	return all, err
}

// HandOverRequest gives a booklet to somebody, whose name is not asked.
type HandOverRequest struct {
	Campaign vouchers.CampaignID `json:"campaign"`
	Count    int                 `json:"count,omitempty"` // vouchers; 0: the campaign's booklet size
	INSEE    string              `json:"insee,omitempty"` // the person's commune (INSEE code), to name the nearest places; may be absent
	Email    string              `json:"email,omitempty"` // for a receipt, if the person wants one; not kept
}

// HandOver makes vouchers live and gives the booklet that carries them. The same key
// gives the same booklet again.
func (s *Service) HandOver(ctx context.Context, actor identity.Actor, req HandOverRequest) (Booklet, error) {
	if err := mayIssue(actor); err != nil {
		return Booklet{}, err
	}
	req, err := req.tidy()
	if err != nil {
		return Booklet{}, err
	}
	var b Booklet
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		// The stored answer is the id: codes are never in the database.
		id, err := once.Do(ctx, tx, actor.Organisation, "handover", req, func() (vouchers.BookletID, error) {
			return s.handOver(ctx, tx, actor, req)
		})
		if err != nil {
			return err
		}
		b, err = s.withCodes(ctx, tx, id)
		return err
	})
	return b, err
}

func (s *Service) handOver(ctx context.Context, tx *db.Tx, actor identity.Actor, req HandOverRequest) (vouchers.BookletID, error) {
	// The funds are locked first, as when vouchers are allocated, so that the two never
	// wait for each other crosswise; and before the campaign is read, which may just be
	// extended.
	if _, err := ledger.LockGuarded(ctx, tx, ledger.Funds(req.Campaign)); err != nil {
		return 0, err
	}
	c, err := campaigns.Get(ctx, tx, req.Campaign)
	if err != nil {
		return 0, err
	}
	if req.Count == 0 {
		req.Count = c.BookletSize
	}
	today := vouchers.DayOf(tx.Now)
	if err := mayHandOver(c, req.Count, today); err != nil {
		return 0, err
	}
	allocation, err := takeFromAllocation(ctx, tx, c.ID, actor.Organisation, req.Count)
	if err != nil {
		return 0, err
	}
	id, err := s.insertBooklet(ctx, tx, actor, c, allocation, req, today)
	if err != nil {
		return 0, err
	}
	if err := insertVouchers(ctx, tx, id, c, req.Count); err != nil {
		return 0, err
	}
	value := c.Face * vouchers.Cents(req.Count)
	if err := ledger.Post(ctx, tx, ledger.HandedOver(id, c.ID, value)...); err != nil {
		return 0, err
	}
	if req.Email != "" {
		b, err := s.withCodes(ctx, tx, id)
		if err != nil {
			return 0, err
		}
		return id, s.notify(ctx, tx, req.Email, b)
	}
	return id, nil
}

// withCodes reads a booklet and derives its codes.
func (s *Service) withCodes(ctx context.Context, tx *db.Tx, id vouchers.BookletID) (Booklet, error) {
	b, err := booklet(ctx, tx, id)
	if err != nil {
		return b, err
	}
	return s.derive(b)
}

func (s *Service) derive(b Booklet) (Booklet, error) {
	typed, err := s.keys.Typed(b.KeyID, b.Campaign, uint32(b.ID))
	if err != nil {
		return b, fmt.Errorf("booklet %d: %w", b.ID, err)
	}
	payload, err := s.keys.Sign(b.KeyID, vouchers.Ticket{
		Campaign: b.Campaign, Serial: uint32(b.ID), Face: b.Face, Count: b.Count, From: b.From, Until: b.Until})
	if err != nil {
		return b, fmt.Errorf("booklet %d: %w", b.ID, err)
	}
	b.Typed = typed.String()
	b.QR, err = vouchers.URL(s.origin, payload)
	return b, err
}

// Reprint gives a booklet of the prescriber's again, codes included, and records who
// asked.
func (s *Service) Reprint(ctx context.Context, actor identity.Actor, id vouchers.BookletID) (Booklet, error) {
	if err := mayIssue(actor); err != nil {
		return Booklet{}, err
	}
	var b Booklet
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		if err := mustBelong(ctx, tx, id, actor.Organisation); err != nil {
			return err
		}
		if b, err = s.withCodes(ctx, tx, id); err != nil {
			return err
		}
		return audit.Record(ctx, tx, actor, "booklet_printed", objectName(id), nil, nil)
	})
	return b, err
}

// FreezeRequest stops a booklet that was lost or stolen, or lets it run again.
type FreezeRequest struct {
	Booklet vouchers.BookletID `json:"booklet"`
	Frozen  bool               `json:"frozen"`
}

// Freeze stops the vouchers of a booklet that are still live, or makes them live again.
func (s *Service) Freeze(ctx context.Context, actor identity.Actor, req FreezeRequest) (Card, error) {
	if err := mayIssue(actor); err != nil {
		return Card{}, err
	}
	var card Card
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		card, err = once.Do(ctx, tx, actor.Organisation, "freeze", req, func() (Card, error) {
			return freeze(ctx, tx, actor, req)
		})
		return err
	})
	return card, err
}

func freeze(ctx context.Context, tx *db.Tx, actor identity.Actor, req FreezeRequest) (Card, error) {
	if err := mustBelong(ctx, tx, req.Booklet, actor.Organisation); err != nil {
		return Card{}, err
	}
	if err := Lock(ctx, tx, int64(req.Booklet)); err != nil {
		return Card{}, err
	}
	from, to, action := vouchers.Live, vouchers.Frozen, "booklet_frozen"
	if !req.Frozen {
		from, to, action = vouchers.Frozen, vouchers.Live, "booklet_unfrozen"
	}
	if err := moveAll(ctx, tx, req.Booklet, from, to); err != nil {
		return Card{}, err
	}
	if err := audit.Record(ctx, tx, actor, action, objectName(req.Booklet), nil, nil); err != nil {
		return Card{}, err
	}
	return CardOf(ctx, tx, req.Booklet)
}

func objectName(id vouchers.BookletID) string { return fmt.Sprintf("booklet:%d", id) }
