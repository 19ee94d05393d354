package closing

import (
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

const selectRefunds = `
	SELECT r.id, r.kind, r.funder_id, COALESCE(o.name, '') AS funder_name, COALESCE(o.email, '') AS email, r.amount_cents, r.state,
		r.account_id, r.line_id, r.iban, r.holder, r.proposed_at, r.requested_by, COALESCE(p.name, '') AS requester, r.file_id,
		COALESCE(r.end_to_end, '') AS end_to_end, r.booked_on, r.arrived_on, COALESCE(r.return_reason, '') AS return_reason
	FROM refunds r LEFT JOIN organisations o ON o.id = r.funder_id LEFT JOIN people p ON p.id = r.requested_by `

func refundList(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Refund, error) {
	all := []Refund{}
	err := tx.Select(ctx, &all, selectRefunds+where, args...)
	for i := range all {
		all[i].Masked = all[i].IBAN.Masked()
	}
	return all, err
}

// refunds lists those of a funder; of everybody for funder 0.
func refunds(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID, q Query) ([]Refund, error) {
	return refundList(ctx, tx, `
		WHERE ($1 = 0 OR r.funder_id = $1) AND ($2 = '' OR r.state = $2) AND ($3 = 0 OR r.id < $3)
		ORDER BY r.id DESC LIMIT $4`, funder, q.State, q.Before, q.Limit)
}

func refundsIn(ctx context.Context, tx *db.Tx, ids []vouchers.RefundID) ([]Refund, error) {
	return refundList(ctx, tx, `WHERE r.id = ANY ($1) ORDER BY r.id`, db.Array(ids))
}

func refundOf(ctx context.Context, tx *db.Tx, id vouchers.RefundID) (Refund, error) {
	all, err := refundsIn(ctx, tx, []vouchers.RefundID{id})
	if err == nil && len(all) == 0 {
		return Refund{}, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return Refund{}, err
	}
	return all[0], nil
}

// proposedNow are the parts of the proposal of a kind that follows from the books, where it
// goes where it should.
func proposedNow(ctx context.Context, tx *db.Tx, p proposal) (parts, error) {
	var account vouchers.AccountID
	if p.account != nil {
		account = p.account.ID
	}
	return readParts(ctx, tx, `
		SELECT q.campaign_id, q.amount_cents FROM refunds r JOIN refund_parts q ON q.refund_id = r.id
		WHERE r.kind = $1 AND r.state = 'proposed' AND r.requested_by IS NULL AND COALESCE(r.funder_id, 0) = $2
			AND ($3 = 0 OR r.account_id = $3)`, p.kind, p.funder, account)
}

func partsOf(ctx context.Context, tx *db.Tx, id vouchers.RefundID) (parts, error) {
	return readParts(ctx, tx, `SELECT campaign_id, amount_cents FROM refund_parts WHERE refund_id = $1`, id)
}

func readParts(ctx context.Context, tx *db.Tx, query string, args ...any) (parts, error) {
	var rows []struct {
		Campaign vouchers.CampaignID `db:"campaign_id"`
		Amount   vouchers.Cents      `db:"amount_cents"`
	}
	err := tx.Select(ctx, &rows, query, args...)
	all := parts{}
	for _, r := range rows {
		all[r.Campaign] = r.Amount
	}
	return all, err
}

func dropProposed(ctx context.Context, tx *db.Tx, p proposal) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM refunds WHERE kind = $1 AND state = 'proposed' AND requested_by IS NULL AND COALESCE(funder_id, 0) = $2`, p.kind, p.funder)
	return err
}

func dropRequested(ctx context.Context, tx *db.Tx, id vouchers.RefundID) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM refunds WHERE id = $1 AND state = 'proposed' AND requested_by IS NOT NULL`, id)
}

// newRefund is a proposal on its way into the table: parts are what it gives, line and by
// are set on one that somebody requested.
type newRefund struct {
	proposal
	parts parts
	line  int64
	by    vouchers.PersonID
}

func insertRefund(ctx context.Context, tx *db.Tx, n newRefund) (vouchers.RefundID, error) {
	var account vouchers.AccountID
	if n.account != nil {
		account = n.account.ID
	}
	var campaigns, amounts []int64
	for c, amount := range n.parts {
		campaigns, amounts = append(campaigns, int64(c)), append(amounts, int64(amount))
	}
	var id vouchers.RefundID
	err := tx.Get(ctx, &id, `
		INSERT INTO refunds (kind, funder_id, amount_cents, state, account_id, line_id, iban, bic, holder, street, postcode, town, proposed_at, requested_by)
		VALUES ($1, NULLIF($2::bigint, 0), $3, 'proposed', NULLIF($4::bigint, 0), NULLIF($5::bigint, 0), $6, $7, $8, $9, $10, $11, $12, NULLIF($13::bigint, 0))
		RETURNING id`,
		n.kind, n.funder, n.parts.sum(), account, n.line, n.to.IBAN.Full(), n.to.BIC, n.to.Holder, n.to.Street, n.to.Postcode, n.to.Town, tx.Now, n.by)
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO refund_parts (refund_id, campaign_id, amount_cents)
		SELECT $1, u.campaign_id, u.amount_cents FROM unnest($2::bigint[], $3::bigint[]) AS u(campaign_id, amount_cents)`,
		id, db.Array(campaigns), db.Array(amounts))
	return id, err
}

// newFile is an order to the bank on its way into the table.
type newFile struct {
	account string
	on      vouchers.Day
	refunds []Refund
	seller  invoicing.Seller
	debtor  invoicing.Account
	version sepa.Version
}

// insertFile writes the file under an id drawn first, because its message id is made of
// it. Its hash follows once its refunds are there.
func insertFile(ctx context.Context, tx *db.Tx, actor identity.Actor, n newFile) (vouchers.RefundFileID, error) {
	var id vouchers.RefundFileID
	if err := tx.Get(ctx, &id, `SELECT nextval(pg_get_serial_sequence('refund_files', 'id'))`); err != nil {
		return 0, err
	}
	var total vouchers.Cents
	for _, r := range n.refunds {
		total += r.Amount
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO refund_files (id, account, message_id, approved_at, approved_by, execution_on, refunds, total_cents, file_sha256,
			debtor_name, debtor_iban, debtor_bic, debtor_street, debtor_postcode, debtor_town, file_version, file_layout)
		OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, $10, $11, $12, $13, $14, $15, $16)`,
		id, n.account, messageID(id), tx.Now, actor.Person, n.on, len(n.refunds), total,
		n.seller.Name, n.debtor.IBAN.Full(), n.debtor.BIC, n.seller.Street, n.seller.Postcode, n.seller.Town, n.version, hybrid)
	return id, err
}

func markOrdered(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.RefundID, in vouchers.RefundFileID) error {
	n, err := tx.Exec(ctx, `
		UPDATE refunds SET state = 'ordered', file_id = $2, approved_by = $3, end_to_end = $4 WHERE id = $1 AND state = 'proposed'`,
		id, in, actor.Person, endToEnd(id))
	if err == nil && n == 0 {
		return fmt.Errorf("refund %d is no proposal any more", id)
	}
	return err
}

func storeHash(ctx context.Context, tx *db.Tx, id vouchers.RefundFileID, hash string) error {
	_, err := tx.Exec(ctx, `UPDATE refund_files SET file_sha256 = decode($2, 'hex') WHERE id = $1`, id, hash)
	return err
}

const selectFiles = `
	SELECT id, account, message_id, approved_at, execution_on, refunds, total_cents, encode(file_sha256, 'hex') AS file_sha256 FROM refund_files `

func file(ctx context.Context, tx *db.Tx, id vouchers.RefundFileID) (File, error) {
	var f File
	err := tx.Get(ctx, &f, selectFiles+`WHERE id = $1`, id)
	return f, err
}

func files(ctx context.Context, tx *db.Tx, most int) ([]File, error) {
	all := []File{}
	err := tx.Select(ctx, &all, selectFiles+`ORDER BY id DESC LIMIT $1`, most)
	return all, err
}

func fileRows(ctx context.Context, tx *db.Tx, id vouchers.RefundFileID) (fileHead, []fileLine, error) {
	var head fileHead
	err := tx.Get(ctx, &head, `
		SELECT message_id, approved_at, execution_on, debtor_name, debtor_iban, debtor_bic, debtor_street, debtor_postcode, debtor_town,
			file_version, file_layout
		FROM refund_files WHERE id = $1`, id)
	if err != nil {
		return head, nil, err
	}
	var lines []fileLine
	err = tx.Select(ctx, &lines, `
		SELECT end_to_end, amount_cents, iban, bic, holder, street, postcode, town FROM refunds WHERE file_id = $1 ORDER BY id`, id)
	return head, lines, err
}

func refundsNamed(ctx context.Context, tx *db.Tx, names []string) ([]string, error) {
	var found []string
	err := tx.Select(ctx, &found, `SELECT end_to_end FROM refunds WHERE end_to_end = ANY ($1)`, db.Array(names))
	return found, err
}

// lockNamed locks the refund that a line names, then reads it.
func lockNamed(ctx context.Context, tx *db.Tx, name string) (Refund, error) {
	var id vouchers.RefundID
	if err := tx.Get(ctx, &id, `SELECT id FROM refunds WHERE end_to_end = $1 FOR UPDATE`, name); err != nil {
		return Refund{}, err
	}
	return refundOf(ctx, tx, id)
}

func markBooked(ctx context.Context, tx *db.Tx, id vouchers.RefundID, on vouchers.Day) error {
	_, err := tx.Exec(ctx, `UPDATE refunds SET state = 'booked', booked_on = $2 WHERE id = $1`, id, on)
	return err
}

func markReturned(ctx context.Context, tx *db.Tx, id vouchers.RefundID, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE refunds SET state = 'returned', return_reason = $2 WHERE id = $1`, id, reason)
	return err
}

func markRejected(ctx context.Context, tx *db.Tx, id vouchers.RefundID, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE refunds SET state = 'rejected', return_reason = $2 WHERE id = $1`, id, reason)
	return err
}

// takenAfterAll names a rejected refund of the funder and kind of one of these whose money
// a statement shows moving all the same, in a case that nobody has decided; "" for none.
func takenAfterAll(ctx context.Context, tx *db.Tx, ids []vouchers.RefundID) (string, error) {
	var name string
	err := tx.Get(ctx, &name, `
		SELECT COALESCE(min(p.end_to_end), '')
		FROM refunds r
		JOIN refunds p ON p.kind = r.kind AND p.funder_id IS NOT DISTINCT FROM r.funder_id AND p.state = 'rejected'
		JOIN statement_lines l ON l.end_to_end = p.end_to_end AND l.outcome IN ('unexpected_debit', 'operating_other')
		JOIN bank_cases k ON k.line_id = l.id AND k.decision IS NULL
		WHERE r.id = ANY ($1)`, db.Array(ids))
	return name, err
}

// sentIn reads the refunds of the file that bears a message id.
func sentIn(ctx context.Context, tx *db.Tx, message string) ([]sepa.Ordered, error) {
	var all []sepa.Ordered
	err := tx.Select(ctx, &all, `
		SELECT r.end_to_end, r.holder AS payee, r.amount_cents, r.state = 'rejected' AS rejected
		FROM refunds r JOIN refund_files f ON f.id = r.file_id WHERE f.message_id = $1 ORDER BY r.id`, message)
	return all, err
}

func markArrived(ctx context.Context, tx *db.Tx, b booking, advances vouchers.Cents, debts map[vouchers.OrganisationID]vouchers.Cents) error {
	if _, err := tx.Exec(ctx, `UPDATE refunds SET arrived_on = $2 WHERE id = $1`, b.ID, b.line.On); err != nil {
		return err
	}
	funders, amounts := []int64{0}, []int64{int64(advances)}
	for funder, amount := range debts {
		funders, amounts = append(funders, int64(funder)), append(amounts, int64(amount))
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO claim_uses (refund_id, line_id, funder_id, amount_cents)
		SELECT $1, $2, NULLIF(u.funder_id, 0), u.amount FROM unnest($3::bigint[], $4::bigint[]) AS u(funder_id, amount) WHERE u.amount > 0`,
		b.ID, b.line.Line, db.Array(funders), db.Array(amounts))
	return err
}

// claimed is what was taken from the segregated account for the operator and has not
// arrived yet.
type claimed struct {
	Funder vouchers.OrganisationID `db:"funder_id"` // whose debt it answers for; 0: advances
	Amount vouchers.Cents          `db:"amount"`
}

// claimedFor tells what claims are for, advances first, then by funder. What may still have
// to be given back (payments.ClaimsHeld) is not among it.
func claimedFor(ctx context.Context, tx *db.Tx) ([]claimed, error) {
	var all []claimed
	err := tx.Select(ctx, &all, `
		SELECT funder_id, sum(amount)::bigint AS amount
		FROM (SELECT 0 AS funder_id, t.funds_cents AS amount FROM takebacks t JOIN card_refunds r ON r.id = t.card_refund_id
		      WHERE t.undone_at IS NULL AND r.state NOT IN ('asked', 'pending')
		      UNION ALL
		      SELECT o.funder_id, t.funds_cents FROM takebacks t JOIN disputes d ON d.id = t.dispute_id JOIN orders o ON o.id = t.order_id
		      WHERE t.undone_at IS NULL AND d.state <> 'open'
		      UNION ALL
		      SELECT o.funder_id, r.claim_cents FROM receipts r JOIN orders o ON o.id = r.order_id
		      UNION ALL
		      SELECT COALESCE(funder_id, 0), -amount_cents FROM claim_uses) AS claims
		GROUP BY funder_id HAVING sum(amount) > 0 ORDER BY funder_id`)
	return all, err
}
