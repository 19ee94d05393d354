package orders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// NewTariff is what the operator decides about the price of its service. Amounts are
// without VAT, rates in basis points: 250 is 2.5 %.
type NewTariff struct {
	FromOn       vouchers.Day   `json:"from_on" db:"from_on"`             // first day on which it is quoted
	FeeRate      int            `json:"fee_basis_points" db:"fee_bp"`     // of face value
	Booklet      vouchers.Cents `json:"booklet_cents" db:"booklet_cents"` // of one printed booklet
	VATRate      int            `json:"vat_basis_points" db:"vat_bp"`     // of fees
	ValidityDays int            `json:"validity_days" db:"validity_days"` // of a quote
	FeesRefunded bool           `json:"fees_refunded" db:"fees_refunded"` // what was not used of them comes back at the end
	Terms        string         `json:"terms" db:"terms"`                 // what a funder agrees to, in French
}

// Tariff is a published price of the service. It is never changed: another one follows it.
// ID is also the version of its terms.
type Tariff struct {
	ID vouchers.TariffID `json:"id" db:"id"`
	NewTariff
	PublishedAt time.Time `json:"published_at" db:"published_at"`
}

// free is the tariff as long as none is published.
var free = Tariff{NewTariff: NewTariff{ValidityDays: 30}}

// Charges tells whether orders have fees.
func (t NewTariff) Charges() bool { return t.FeeRate > 0 || t.Booklet > 0 }

// CheckTariff says whether Publish would publish, and draws no version.
func (s *Service) CheckTariff(ctx context.Context, actor identity.Actor, req NewTariff) error {
	if err := s.mayPublish(actor, req); err != nil {
		return err
	}
	return s.db.Read(ctx, func(tx *db.Tx) error { return req.check(vouchers.DayOf(tx.Now)) })
}

// Publish sets the price of the service from a day on.
func (s *Service) Publish(ctx context.Context, actor identity.Actor, req NewTariff) (Tariff, error) {
	if err := s.mayPublish(actor, req); err != nil {
		return Tariff{}, err
	}
	var t Tariff
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		t, err = once.Do(ctx, tx, actor.Organisation, "publish_tariff", req, func() (Tariff, error) {
			return publish(ctx, tx, actor, req)
		})
		return err
	})
	return t, err
}

func (s *Service) mayPublish(actor identity.Actor, req NewTariff) error {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return err
	}
	if req.Charges() && s.seller.Operating.IBAN == "" {
		return fault.New(fault.Conflict, "tariff_without_account")
	}
	return nil
}

func publish(ctx context.Context, tx *db.Tx, actor identity.Actor, req NewTariff) (Tariff, error) {
	if err := req.check(vouchers.DayOf(tx.Now)); err != nil {
		return Tariff{}, err
	}
	id, err := insertTariff(ctx, tx, actor, req)
	if err != nil {
		return Tariff{}, err
	}
	return Tariff{id, req, tx.Now}, audit.Record(ctx, tx, actor, "tariff_published", fmt.Sprintf("tariff:%d", id), nil, req)
}

// Tariffs are all tariffs, the latest first. Current is the one that is quoted today, 0
// while the service is free.
type Tariffs struct {
	Items   []Tariff          `json:"items"`
	Current vouchers.TariffID `json:"current"`
}

// Tariffs shows the operator its tariffs.
func (s *Service) Tariffs(ctx context.Context, actor identity.Actor) (Tariffs, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return Tariffs{}, err
	}
	var all Tariffs
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if all.Items, err = tariffs(ctx, tx); err != nil {
			return err
		}
		now, err := tariffOn(ctx, tx, vouchers.DayOf(tx.Now))
		all.Current = now.ID
		return err
	})
	return all, err
}

// Terms are the terms of one version, which anybody may read.
func (s *Service) Terms(ctx context.Context, version vouchers.TariffID) (Tariff, error) {
	var t Tariff
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		t, err = tariff(ctx, tx, version)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return Tariff{}, fault.New(fault.NotFound, "not_found")
	}
	return t, err
}
