package orders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

const selectTariffs = `
	SELECT t.id, t.from_on, t.fee_bp, t.booklet_cents, t.vat_bp, t.validity_days, t.fees_refunded, t.terms, t.published_at
	FROM tariffs t `

func insertTariff(ctx context.Context, tx *db.Tx, actor identity.Actor, t NewTariff) (vouchers.TariffID, error) {
	var id vouchers.TariffID
	err := tx.Get(ctx, &id, `
		INSERT INTO tariffs (from_on, fee_bp, booklet_cents, vat_bp, validity_days, fees_refunded, terms, published_at, published_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`,
		t.FromOn, t.FeeRate, t.Booklet, t.VATRate, t.ValidityDays, t.FeesRefunded, t.Terms, tx.Now, actor.Person)
	return id, err
}

func tariffs(ctx context.Context, tx *db.Tx) ([]Tariff, error) {
	all := []Tariff{}
	err := tx.Select(ctx, &all, selectTariffs+`ORDER BY t.from_on DESC, t.id DESC`)
	return all, err
}

func tariff(ctx context.Context, tx *db.Tx, id vouchers.TariffID) (Tariff, error) {
	var t Tariff
	err := tx.Get(ctx, &t, selectTariffs+`WHERE t.id = $1`, id)
	return t, err
}

// tariffOn is the tariff that is quoted on a day. Of two from the same day the later one
// counts.
func tariffOn(ctx context.Context, tx *db.Tx, day vouchers.Day) (Tariff, error) {
	var t Tariff
	err := tx.Get(ctx, &t, selectTariffs+`WHERE t.from_on <= $1 ORDER BY t.from_on DESC, t.id DESC LIMIT 1`, day)
	if errors.Is(err, db.ErrNoRows) {
		return free, nil
	}
	return t, err
}

func feesRefunded(ctx context.Context, tx *db.Tx, order vouchers.OrderID) (bool, error) {
	var back bool
	err := tx.Get(ctx, &back, `
		SELECT EXISTS (
			SELECT FROM orders o JOIN quote_versions v ON v.quote_id = o.quote_id AND v.version = o.quote_version
			JOIN tariffs t ON t.id = v.tariff_id WHERE o.id = $1 AND t.fees_refunded)`, order)
	return back, err
}

// ordered tells whether anybody has ordered vouchers of a campaign.
func ordered(ctx context.Context, tx *db.Tx, campaign vouchers.CampaignID) (bool, error) {
	var any bool
	err := tx.Get(ctx, &any, `SELECT EXISTS (SELECT FROM orders WHERE campaign_id = $1)`, campaign)
	return any, err
}

// quoteNumber names a quote: "D2026-000012".
func quoteNumber(id vouchers.QuoteID, made time.Time) string {
	return fmt.Sprintf("D%d-%06d", vouchers.DayOf(made).Time().Year(), id)
}

func insertQuote(ctx context.Context, tx *db.Tx, actor identity.Actor, campaign vouchers.CampaignID) (vouchers.QuoteID, error) {
	var id vouchers.QuoteID
	err := tx.Get(ctx, &id, `INSERT INTO quotes (campaign_id, funder_id, made_at) VALUES ($1, $2, $3) RETURNING id`,
		campaign, actor.Organisation, tx.Now)
	return id, err
}

func insertVersion(ctx context.Context, tx *db.Tx, actor identity.Actor, quote vouchers.QuoteID, v Version) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO quote_versions (quote_id, version, vouchers, booklet_size, medium, letter_language, starts_on, ends_on, tariff_id,
			face_cents, service_cents, printing_cents, vat_cents, valid_until, made_at, made_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULLIF($9::bigint, 0), $10, $11, $12, $13, $14, $15, $16)`,
		quote, v.Number, v.Vouchers, v.BookletSize, v.Medium, v.Letter, v.StartsOn, v.EndsOn, v.Tariff.ID,
		v.Face, v.Service, v.Printing, v.VAT, v.ValidUntil, v.MadeAt, actor.Person)
	return err
}

// selectVersions reads quotes with one row for each version.
const selectVersions = `
	SELECT q.id, q.campaign_id, c.name AS campaign_name, c.face_cents AS voucher, q.funder_id, f.name AS funder_name, q.made_at AS quoted_at,
		COALESCE(o.id, 0) AS order_id, v.version, v.vouchers, v.booklet_size, v.medium, v.letter_language, v.starts_on, v.ends_on,
		v.face_cents, v.service_cents, v.printing_cents, v.vat_cents, v.valid_until, v.made_at,
		COALESCE(t.id, 0) AS tariff_id, COALESCE(t.fee_bp, 0) AS fee_bp, COALESCE(t.booklet_cents, 0) AS booklet_cents,
		COALESCE(t.vat_bp, 0) AS vat_bp, COALESCE(t.validity_days, 0) AS validity_days, COALESCE(t.fees_refunded, false) AS fees_refunded
	FROM quotes q JOIN campaigns c ON c.id = q.campaign_id JOIN organisations f ON f.id = q.funder_id
	JOIN quote_versions v ON v.quote_id = q.id LEFT JOIN tariffs t ON t.id = v.tariff_id LEFT JOIN orders o ON o.quote_id = q.id `

type versionRow struct {
	ID           vouchers.QuoteID        `db:"id"`
	Campaign     vouchers.CampaignID     `db:"campaign_id"`
	CampaignName string                  `db:"campaign_name"`
	Voucher      vouchers.Cents          `db:"voucher"`
	Funder       vouchers.OrganisationID `db:"funder_id"`
	FunderName   string                  `db:"funder_name"`
	QuotedAt     time.Time               `db:"quoted_at"`
	Order        vouchers.OrderID        `db:"order_id"`
	Version      int                     `db:"version"`
	Vouchers     int                     `db:"vouchers"`
	BookletSize  int                     `db:"booklet_size"`
	Medium       Medium                  `db:"medium"`
	Letter       string                  `db:"letter_language"`
	StartsOn     vouchers.Day            `db:"starts_on"`
	EndsOn       vouchers.Day            `db:"ends_on"`
	Face         vouchers.Cents          `db:"face_cents"`
	Service      vouchers.Cents          `db:"service_cents"`
	Printing     vouchers.Cents          `db:"printing_cents"`
	VAT          vouchers.Cents          `db:"vat_cents"`
	ValidUntil   vouchers.Day            `db:"valid_until"`
	MadeAt       time.Time               `db:"made_at"`
	Tariff       vouchers.TariffID       `db:"tariff_id"`
	FeeRate      int                     `db:"fee_bp"`
	Booklet      vouchers.Cents          `db:"booklet_cents"`
	VATRate      int                     `db:"vat_bp"`
	ValidityDays int                     `db:"validity_days"`
	FeesRefunded bool                    `db:"fees_refunded"`
}

func (r versionRow) quote() Quote {
	return Quote{ID: r.ID, Number: quoteNumber(r.ID, r.QuotedAt), Campaign: r.Campaign, CampaignName: r.CampaignName, Voucher: r.Voucher,
		Funder: r.Funder, FunderName: r.FunderName, Order: r.Order}
}

// version leaves the terms out: they are read by themselves.
func (r versionRow) version() Version {
	return Version{Number: r.Version,
		Choices: Choices{Vouchers: r.Vouchers, Plan: campaigns.Plan{BookletSize: r.BookletSize, StartsOn: r.StartsOn, EndsOn: r.EndsOn},
			Medium: r.Medium, Letter: r.Letter},
		Price: Price{Face: r.Face, Service: r.Service, Printing: r.Printing, VAT: r.VAT},
		Tariff: Tariff{ID: r.Tariff, NewTariff: NewTariff{FeeRate: r.FeeRate, Booklet: r.Booklet, VATRate: r.VATRate,
			ValidityDays: r.ValidityDays, FeesRefunded: r.FeesRefunded}},
		ValidUntil: r.ValidUntil, MadeAt: r.MadeAt}
}

// quotes returns a funder's quotes, each with its latest version; those of all funders for
// funder 0.
func quotes(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID, q QuoteQuery) ([]Quote, error) {
	var rows []versionRow
	err := tx.Select(ctx, &rows, selectVersions+`
		WHERE ($1 = 0 OR q.funder_id = $1) AND ($2 = 0 OR q.id < $2) AND (NOT $3 OR o.id IS NULL AND v.valid_until >= $4)
			AND v.version = (SELECT max(version) FROM quote_versions WHERE quote_id = q.id)
		ORDER BY q.id DESC LIMIT $5`, funder, q.Before, q.Open, vouchers.DayOf(tx.Now), q.Limit)
	all := make([]Quote, len(rows))
	for i, r := range rows {
		all[i] = r.quote()
		all[i].Versions = []Version{r.version()}
	}
	return all, err
}

// ownQuote reads a quote that the actor may see. Another organisation's does not exist for
// it.
func ownQuote(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.QuoteID) (Quote, error) {
	var rows []versionRow
	err := tx.Select(ctx, &rows, selectVersions+`WHERE q.id = $1 AND ($2 = 0 OR q.funder_id = $2) ORDER BY v.version DESC`, id, seenBy(actor))
	if err != nil {
		return Quote{}, err
	}
	if len(rows) == 0 {
		return Quote{}, fault.New(fault.NotFound, "not_found")
	}
	q := rows[0].quote()
	for _, r := range rows {
		q.Versions = append(q.Versions, r.version())
	}
	return q, nil
}

// lockQuote is ownQuote for one that nobody else changes or accepts until the end of tx.
func lockQuote(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.QuoteID) (Quote, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM quotes WHERE id = $1 FOR UPDATE`, id); err != nil {
		return Quote{}, err
	}
	return ownQuote(ctx, tx, actor, id)
}
