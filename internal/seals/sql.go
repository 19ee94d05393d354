package seals

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// before is a number that no seal reaches: what is before it are the latest.
const before = math.MaxInt64

// lock lets one node at a time make a seal, until the end of tx.
func lock(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(7021978)`)
	return err
}

// rolledUpTo is the ledger's watermark.
func rolledUpTo(ctx context.Context, tx *db.Tx) (id int64, err error) {
	err = tx.Get(ctx, &id, `SELECT up_to FROM ledger_watermark`)
	return id, err
}

type sealRow struct {
	Number    int64     `db:"number"`
	From      int64     `db:"from_id"`
	To        int64     `db:"to_id"`
	Count     int64     `db:"count"`
	Root      []byte    `db:"root"`
	Previous  []byte    `db:"previous"`
	Secret    []byte    `db:"secret"`
	SealedAt  time.Time `db:"sealed_at"`
	Key       uint8     `db:"key_id"`
	PublicKey []byte    `db:"public_key"`
	Signature []byte    `db:"signature"`
}

func (r sealRow) seal() vouchers.LedgerSeal {
	return vouchers.LedgerSeal{Number: r.Number, From: r.From, To: r.To, Count: r.Count, Root: vouchers.Digest(r.Root), Previous: vouchers.Digest(r.Previous),
		SealedAt: vouchers.Instant(r.SealedAt), Key: r.Key, PublicKey: r.PublicKey, Signature: r.Signature}
}

const selectSeals = `
	SELECT number, from_id, to_id, count, root, previous, secret, sealed_at, key_id, public_key, signature FROM seals `

// list reads seals before a number, the latest first.
func list(ctx context.Context, tx *db.Tx, number int64, most int) ([]vouchers.LedgerSeal, error) {
	var rows []sealRow
	err := tx.Select(ctx, &rows, selectSeals+`WHERE number < $1 ORDER BY number DESC LIMIT $2`, number, most)
	all := make([]vouchers.LedgerSeal, len(rows))
	for i, r := range rows {
		all[i] = r.seal()
	}
	return all, err
}

// get reads a seal and its secret.
func get(ctx context.Context, tx *db.Tx, number int64) (vouchers.LedgerSeal, []byte, error) {
	var r sealRow
	err := tx.Get(ctx, &r, selectSeals+`WHERE number = $1`, number)
	if errors.Is(err, db.ErrNoRows) {
		return vouchers.LedgerSeal{}, nil, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return vouchers.LedgerSeal{}, nil, err
	}
	return r.seal(), r.Secret, nil
}

// sealOf finds the seal of a transfer; one that waits for its seal refuses with not_sealed.
func sealOf(ctx context.Context, tx *db.Tx, transfer int64) (number int64, err error) {
	err = tx.Get(ctx, &number, `SELECT number FROM seals WHERE to_id >= $1 ORDER BY to_id LIMIT 1`, transfer)
	if errors.Is(err, db.ErrNoRows) {
		return 0, fault.New(fault.Conflict, "not_sealed")
	}
	return number, err
}

func insert(ctx context.Context, tx *db.Tx, s vouchers.LedgerSeal, secret []byte) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO seals (number, from_id, to_id, count, root, previous, secret, sealed_at, key_id, public_key, signature)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		s.Number, s.From, s.To, s.Count, s.Root[:], s.Previous[:], secret, time.Time(s.SealedAt), int64(s.Key), []byte(s.PublicKey), s.Signature)
	return err
}

// ownSQL tells whether a transfer is an organisation's: all are the operator's; a structure's
// and a funder's are those that name an account of theirs ($1 is how these names begin), a
// funder's ($2) also those of campaigns that it leads or shares.
const ownSQL = `($1 = '*' OR $1 <> '' AND (starts_with(debit, $1) OR starts_with(credit, $1))
	OR $2::bigint <> 0 AND campaign_id IN (SELECT id FROM campaigns WHERE funder_id = $2 UNION ALL SELECT campaign_id FROM campaign_shares WHERE funder_id = $2))`

// ownArgs are ownSQL's two parameters; of nobody in particular no transfer is.
func ownArgs(a identity.Actor) (accounts string, funder vouchers.OrganisationID) {
	switch a.Kind {
	case identity.Operator:
		return "*", 0
	case identity.Structure:
		return fmt.Sprintf("structure:%d:", a.Organisation), 0
	case identity.Funder:
		return fmt.Sprintf("funder:%d:", a.Organisation), a.Organisation
	}
	return "", 0
}

// needsOwn refuses a transfer that is not the actor's as one that does not exist.
func needsOwn(ctx context.Context, tx *db.Tx, actor identity.Actor, transfer int64) error {
	accounts, funder := ownArgs(actor)
	var own bool
	err := tx.Get(ctx, &own, `SELECT EXISTS (SELECT FROM transfers WHERE id = $3 AND `+ownSQL+`)`, accounts, funder, transfer)
	if err == nil && !own {
		return fault.New(fault.NotFound, "not_found")
	}
	return err
}

type transferRow struct {
	ID       int64               `db:"id"`
	At       time.Time           `db:"at"`
	Event    string              `db:"event"`
	Cause    int64               `db:"cause"`
	Debit    string              `db:"debit"`
	Credit   string              `db:"credit"`
	Amount   vouchers.Cents      `db:"amount"`
	Campaign vouchers.CampaignID `db:"campaign_id"`
	Own      bool                `db:"own"`
}

// line is the transfer as a seal with this secret takes it.
func (r transferRow) line(secret []byte) vouchers.LedgerLine {
	return vouchers.LedgerLine{Transfer: r.ID, At: vouchers.Instant(r.At), Event: r.Event, Cause: r.Cause,
		Debit: r.Debit, Credit: r.Credit, Amount: r.Amount, Campaign: r.Campaign, Salt: vouchers.SaltOf(secret, r.ID)}
}

// read reads the transfers of a range as a seal with this secret takes them, most of them.
func read(ctx context.Context, tx *db.Tx, from, to int64, most int, secret []byte, actor identity.Actor) ([]line, error) {
	accounts, funder := ownArgs(actor)
	var lines []line
	err := db.Each(ctx, tx, func(r transferRow) error {
		lines = append(lines, line{r.line(secret), r.Own})
		return nil
	}, `
		SELECT id, at, event, cause, debit, credit, amount, campaign_id, `+ownSQL+` AS own
		FROM transfers WHERE id BETWEEN $3 AND $4 ORDER BY id LIMIT $5`, accounts, funder, from, to, most)
	return lines, err
}
