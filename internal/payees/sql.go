package payees

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/vop"
	"github.com/passerelle/passerelle/vouchers"
)

const selectAccounts = `
	SELECT d.id, d.structure_id, o.name AS structure_name, d.iban, d.bic, d.holder, d.changes, d.created_at, d.created_by, g.name AS giver_name,
		d.proof_id, d.match, d.verified_at, d.verified_by, COALESCE(v.name, '') AS verifier_name, d.how, d.approved_at,
		COALESCE(a.name, '') AS approver_name, d.in_force_at, d.ended_at, d.end_reason, d.replaced_at, d.asked_match, d.asked_name, d.asked_at
	FROM bank_details d JOIN organisations o ON o.id = d.structure_id JOIN people g ON g.id = d.created_by
	LEFT JOIN people v ON v.id = d.verified_by LEFT JOIN people a ON a.id = d.approved_by `

func accounts(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Account, error) {
	all := []Account{}
	err := tx.Select(ctx, &all, selectAccounts+where, args...)
	for i := range all {
		all[i].Masked, all[i].State = all[i].IBAN.Masked(), all[i].stateAt(tx.Now)
	}
	return all, err
}

func account(ctx context.Context, tx *db.Tx, id vouchers.PayeeID) (Account, error) {
	all, err := accounts(ctx, tx, `WHERE d.id = $1`, id)
	if err == nil && len(all) == 0 {
		return Account{}, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return Account{}, err
	}
	return all[0], nil
}

// both are a structure's account in force and the one that waits; nil for none.
type both struct{ now, waiting *Account }

func accountsOf(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) (both, error) {
	all, err := accounts(ctx, tx, `WHERE d.structure_id = $1 AND d.ended_at IS NULL AND (d.replaced_at IS NULL OR d.replaced_at > $2)`, structure, tx.Now)
	var b both
	for i, a := range all {
		if a.State == InForce {
			b.now = &all[i]
		} else {
			b.waiting = &all[i]
		}
	}
	return b, err
}

// lockAccounts lets one change of a structure's account happen at a time.
func lockAccounts(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) (both, error) {
	if err := tx.Get(ctx, &structure, `SELECT id FROM organisations WHERE id = $1 FOR NO KEY UPDATE`, structure); err != nil {
		return both{}, err
	}
	return accountsOf(ctx, tx, structure)
}

// lockWaiting locks the structure of an account that must not be in force yet.
func lockWaiting(ctx context.Context, tx *db.Tx, id vouchers.PayeeID) (Account, error) {
	a, err := account(ctx, tx, id)
	if err != nil {
		return a, err
	}
	if _, err := lockAccounts(ctx, tx, a.Structure); err != nil {
		return a, err
	}
	if a, err = account(ctx, tx, id); err != nil {
		return a, err
	}
	if a.State != ToVerify && a.State != ToApprove && a.State != Cooled {
		return a, fault.New(fault.Conflict, "bank_details_decided")
	}
	return a, nil
}

func insert(ctx context.Context, tx *db.Tx, actor identity.Actor, to sepa.Account, proof vouchers.ProofID, changes bool) (vouchers.PayeeID, error) {
	var id vouchers.PayeeID
	err := tx.Get(ctx, &id, `
		INSERT INTO bank_details (structure_id, iban, bic, holder, proof_id, changes, created_at, created_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
		actor.Organisation, to.IBAN.Full(), to.BIC, to.Holder, proof, changes, tx.Now, actor.Person)
	return id, err
}

func setAsked(ctx context.Context, tx *db.Tx, id vouchers.PayeeID, said vop.Answer) error {
	_, err := tx.Exec(ctx, `UPDATE bank_details SET asked_match = $2, asked_name = $3, asked_at = $4 WHERE id = $1`, id, said.Match, said.Name, tx.Now)
	return err
}

func setVerified(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.PayeeID, v Verification) error {
	_, err := tx.Exec(ctx, `UPDATE bank_details SET match = $2, how = $3, verified_at = $4, verified_by = $5 WHERE id = $1`,
		id, v.Match, v.How, tx.Now, actor.Person)
	return err
}

func setApproved(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.PayeeID) error {
	_, err := tx.Exec(ctx, `UPDATE bank_details SET approved_at = $2, approved_by = $3 WHERE id = $1`, id, tx.Now, actor.Person)
	return err
}

// replace lets an account be in force from a moment on, and the one before it until then.
func replace(ctx context.Context, tx *db.Tx, a Account, from time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE bank_details SET replaced_at = $2
		WHERE structure_id = $1 AND in_force_at IS NOT NULL AND replaced_at IS NULL AND ended_at IS NULL`, a.Structure, from)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE bank_details SET in_force_at = $2 WHERE id = $1`, a.ID, from)
	return err
}

// end ends an account that is not in force, and lets the one go on that it would have
// replaced.
func end(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.PayeeID, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE bank_details SET ended_at = $2, ended_by = $3, end_reason = $4 WHERE id = $1`, id, tx.Now, actor.Person, reason)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		UPDATE bank_details b SET replaced_at = NULL FROM bank_details e
		WHERE e.id = $1 AND b.structure_id = e.structure_id AND b.id <> e.id AND b.replaced_at = e.in_force_at`, id)
	return err
}

func waiting(ctx context.Context, tx *db.Tx) ([]Account, error) {
	return accounts(ctx, tx, `
		WHERE d.ended_at IS NULL AND d.replaced_at IS NULL AND (d.in_force_at IS NULL OR d.in_force_at > $1) ORDER BY d.created_at, d.id`, tx.Now)
}

// contactsOf are the addresses that were a structure's before an account was given: its own,
// its admins' and that of whoever gave the account before.
func contactsOf(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID, before time.Time) ([]string, error) {
	var all []string
	err := tx.Select(ctx, &all, `
		SELECT email FROM organisations WHERE id = $1
		UNION
		SELECT p.email FROM memberships m JOIN people p ON p.id = m.person_id
		WHERE m.organisation_id = $1 AND m.role = 'admin' AND m.ended_at IS NULL AND m.created_at <= $2
		UNION
		SELECT p.email FROM bank_details d JOIN people p ON p.id = d.created_by WHERE d.structure_id = $1 AND d.in_force_at IS NOT NULL
		ORDER BY 1`, structure, before)
	return all, err
}

// warnings are facts that make a change suspect: new_member (whoever gave it joined a short
// time ago), new_password (whose password was changed or given a short time ago) and
// iban_elsewhere (somebody else is paid there).
func warnings(ctx context.Context, tx *db.Tx, a Account) ([]string, error) {
	all := []string{}
	err := tx.Select(ctx, &all, `
		SELECT 'new_member' FROM memberships m JOIN organisations o ON o.id = m.organisation_id
		WHERE m.person_id = $1 AND m.organisation_id = $2 AND m.created_at > $3 AND o.created_at <= $3
		UNION ALL
		SELECT 'new_password' WHERE EXISTS (SELECT 1 FROM audit_entries
			WHERE object = 'person:' || $1::bigint AND action IN ('password_changed', 'password_given') AND at BETWEEN $3 AND $4)
		UNION ALL
		SELECT 'iban_elsewhere' WHERE EXISTS (SELECT 1 FROM bank_details WHERE iban = $5 AND structure_id <> $2 AND ended_at IS NULL)
			OR EXISTS (SELECT 1 FROM funder_accounts WHERE iban = $5 AND replaced_at IS NULL)`,
		a.GivenBy, a.Structure, a.GivenAt.Add(-recent), a.GivenAt, a.IBAN.Full())
	return all, err
}
