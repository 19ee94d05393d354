// Package closing is the end of a campaign. It warns before the end, lets a funder extend
// it, shares out what was not used between the funders, to the cent, and brings it back
// to them: to their bank account or into another campaign.
package closing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to close, to extend and to give money back.
const Scope = "closing"

// undoDays are the days after the last one on which a redemption of it may still be
// undone: its vouchers would be live again.
const undoDays = 1

// Orders is what a roll-over does to orders, within the caller's transaction.
// *orders.Service fits.
type Orders interface {
	Order(ctx context.Context, tx *db.Tx, actor identity.Actor, req orders.PlaceRequest, prepaid bool) (orders.Order, error)
	Receive(ctx context.Context, tx *db.Tx, in orders.Incoming, recipe func(ledger.Received) []ledger.Transfer) error
}

// Options is what the room works with.
type Options struct {
	Seller invoicing.Seller // the operator: who pays, from which account
	Reads  sepa.Version     // the files that its bank reads; "": 09
	Orders Orders
	Expire func(context.Context) error // ends the booklets that are over
	Notify Notify
	Log    *slog.Logger
}

// Service is the use cases of closing.
type Service struct {
	Options
	db *db.DB
}

// New makes the service.
func New(d *db.DB, o Options) *Service { return &Service{o, d} }

// Closing is what closing a campaign shared out.
type Closing struct {
	Campaign vouchers.CampaignID `json:"campaign"`
	ClosedAt time.Time           `json:"closed_at"`
	Used     vouchers.Cents      `json:"used_cents"`
	Funds    vouchers.Cents      `json:"never_handed_over_cents"`
	Unused   vouchers.Cents      `json:"expired_cents"`
	Parts    []Part              `json:"parts"`
}

// CloseDue closes the campaigns whose time has come. One that cannot be closed does not
// keep the others waiting. It returns how many it closed, and may be run as often as one
// likes.
func (s *Service) CloseDue(ctx context.Context) (int, error) {
	if err := s.Expire(ctx); err != nil {
		return 0, err
	}
	var due []vouchers.CampaignID
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		due, err = dueCampaigns(ctx, tx, vouchers.DayOf(tx.Now))
		return err
	})
	closed := 0
	for _, id := range due {
		one := s.db.InTx(ctx, func(tx *db.Tx) error {
			_, err := s.close(ctx, tx, identity.Actor{}, id)
			return err
		})
		if fault.Code(one) != "" { // somebody else was faster, or it is live again
			s.Log.Info("campaign not closed", "campaign", id, "reason", fault.Code(one))
			continue
		}
		if one == nil {
			closed++
		}
		err = errors.Join(err, one)
	}
	return closed, err
}

// Close closes a campaign now, for the operator who does not want to wait for the night.
// Its faults are campaign_not_over, campaign_still_live and campaign_closed.
func (s *Service) Close(ctx context.Context, actor identity.Actor, id vouchers.CampaignID) (Closing, error) {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return Closing{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Closing{}, err
	}
	var c Closing
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		c, err = once.Do(ctx, tx, actor.Organisation, "close_campaign", id, func() (Closing, error) {
			return s.close(ctx, tx, actor, id)
		})
		return err
	})
	return c, err
}

// close locks in this order: campaign, orders, funds, invoices, numbers, the ledger's
// gate. Nobody who holds one of them waits for an earlier one.
func (s *Service) close(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.CampaignID) (Closing, error) {
	c, err := campaigns.Hold(ctx, tx, id)
	if err != nil {
		return Closing{}, err
	}
	bought, err := orders.HoldAll(ctx, tx, id)
	if err != nil {
		return Closing{}, err
	}
	pot, err := holdPot(ctx, tx, id)
	if err != nil {
		return Closing{}, err
	}
	if err := mayClose(c, pot, vouchers.DayOf(tx.Now)); err != nil {
		return Closing{}, err
	}
	parts, err := partsNow(ctx, tx, id, pot)
	if err != nil {
		return Closing{}, err
	}
	done := Closing{id, tx.Now, pot.used(parts), pot.Funds, pot.Unused, shareOut(parts, pot)}
	if err := credit(ctx, tx, c, bought, done.Parts); err != nil {
		return Closing{}, err
	}
	if err := keepClosing(ctx, tx, actor, done); err != nil {
		return Closing{}, err
	}
	var transfers []ledger.Transfer
	for _, p := range done.Parts {
		transfers = append(transfers, ledger.CampaignClosed(id, p.Funder, p.FromFunds, p.FromUnused)...)
	}
	if err := ledger.Post(ctx, tx, transfers...); err != nil {
		return Closing{}, err
	}
	if err := campaigns.Close(ctx, tx, id); err != nil {
		return Closing{}, err
	}
	if err := issuing.FitAllocations(ctx, tx, id); err != nil {
		return Closing{}, err
	}
	if err := audit.Record(ctx, tx, actor, "campaign_closed", object(id), nil, done); err != nil {
		return Closing{}, err
	}
	return done, s.tellClosed(ctx, tx, c, done)
}

// pot is what is left of a campaign's money.
type pot struct {
	Funds  vouchers.Cents // never handed over
	Unused vouchers.Cents // handed over and expired
	Live   vouchers.Cents // in people's hands
}

// used is what was spent: what the funders have paid, less what is left or was given back.
func (p pot) used(parts []Part) vouchers.Cents {
	used := -p.Funds - p.Unused - p.Live
	for _, part := range parts {
		used += part.Paid - part.Given
	}
	return used
}

// holdPot locks the funds and reads what is left.
func holdPot(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) (pot, error) {
	if _, err := ledger.LockGuarded(ctx, tx, ledger.Funds(id)); err != nil {
		return pot{}, err
	}
	return readPot(ctx, tx, id)
}

// readPot counts what is in people's hands first: once nothing is, and the caller holds the
// campaign, what expired does not change any more.
func readPot(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) (pot, error) {
	held, err := issuing.HeldIn(ctx, tx, id)
	if err != nil {
		return pot{}, err
	}
	p := pot{Live: held.Value}
	if p.Funds, err = ledger.Balance(ctx, tx, ledger.Funds(id)); err != nil {
		return pot{}, err
	}
	p.Unused, err = ledger.Balance(ctx, tx, ledger.Unused(id))
	return p, err
}

// partsNow splits what was used so far between the funders, as if the campaign ended now.
func partsNow(ctx context.Context, tx *db.Tx, id vouchers.CampaignID, p pot) ([]Part, error) {
	parts, err := funders(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	shares, err := campaigns.SharesOf(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	paid := map[vouchers.OrganisationID]vouchers.Cents{}
	for _, part := range parts {
		paid[part.Funder] = part.Paid
	}
	used := campaigns.Split(p.used(parts), shares, paid)
	for i := range parts {
		parts[i].Used = used[parts[i].Funder]
	}
	return parts, nil
}

func object(id vouchers.CampaignID) string { return fmt.Sprintf("campaign:%d", id) }
