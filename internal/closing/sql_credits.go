package closing

import (
	"context"
	"errors"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

const selectChoices = `
	SELECT k.campaign_id, k.kind, k.to_campaign_id, COALESCE(c.name, '') AS to_name, k.chosen_at, k.chosen_by, k.funder_id,
		p.name AS chooser
	FROM credit_choices k JOIN people p ON p.id = k.chosen_by LEFT JOIN campaigns c ON c.id = k.to_campaign_id `

func choiceOf(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID, id vouchers.CampaignID) (*Choice, error) {
	var c Choice
	err := tx.Get(ctx, &c, selectChoices+`WHERE k.funder_id = $1 AND k.campaign_id = $2`, funder, id)
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil
	}
	return &c, err
}

func keepChoice(ctx context.Context, tx *db.Tx, actor identity.Actor, req ChooseRequest) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO credit_choices (campaign_id, funder_id, kind, to_campaign_id, chosen_at, chosen_by)
		VALUES ($1, $2, $3, NULLIF($4::bigint, 0), $5, $6)
		ON CONFLICT ON CONSTRAINT credit_choices_pkey DO UPDATE
		SET kind = excluded.kind, to_campaign_id = excluded.to_campaign_id, chosen_at = excluded.chosen_at, chosen_by = excluded.chosen_by`,
		req.Campaign, actor.Organisation, req.Kind, req.To, tx.Now, actor.Person)
	return err
}

// targetsOf are the campaigns into which a funder's credit may go, in the order of their
// ids.
func targetsOf(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID) ([]vouchers.CampaignID, error) {
	var ids []vouchers.CampaignID
	err := tx.Select(ctx, &ids, `
		SELECT DISTINCT k.to_campaign_id FROM credit_choices k JOIN campaigns c ON c.id = k.campaign_id
		WHERE k.funder_id = $1 AND k.kind = 'rollover' AND c.closed_at IS NOT NULL ORDER BY 1`, funder)
	return ids, err
}

// creditsOf are a funder's credits by campaign, as the ledger has them, the oldest campaign
// first.
func creditsOf(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID) ([]Credit, error) {
	all := []Credit{}
	err := tx.Select(ctx, &all, `
		SELECT c.id AS campaign_id, c.name AS campaign_name, c.closed_at IS NOT NULL AS closed, $1::bigint AS funder_id,
			(s.credited - s.debited)::bigint AS amount,
			(SELECT COALESCE(sum(p.amount_cents), 0)::bigint FROM refunds r JOIN refund_parts p ON p.refund_id = r.id
			 WHERE r.funder_id = $1 AND r.kind = 'credit' AND r.state = 'proposed' AND r.requested_by IS NOT NULL
				AND p.campaign_id = c.id) AS reserved
		FROM (`+ledger.SumsSQL+`) AS s JOIN campaigns c ON c.id = s.campaign_id
		WHERE s.account = $2 AND s.credited > s.debited
		ORDER BY c.id`, funder, ledger.Credit(funder))
	if err != nil {
		return nil, err
	}
	var choices []Choice
	err = tx.Select(ctx, &choices, selectChoices+`WHERE k.funder_id = $1`, funder)
	for i := range all {
		for k := range choices {
			if choices[k].Campaign == all[i].Campaign {
				all[i].Choice = &choices[k]
			}
		}
	}
	return all, err
}

func creditOf(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID, id vouchers.CampaignID) (Credit, error) {
	all, err := creditsOf(ctx, tx, funder)
	for _, c := range all {
		if c.Campaign == id {
			return c, err
		}
	}
	return Credit{}, err
}

// creditors are the funders that have credit of a closed campaign, or fees to get back, or
// a proposal that may not be right any more.
func creditors(ctx context.Context, tx *db.Tx) ([]vouchers.OrganisationID, error) {
	var ids []vouchers.OrganisationID
	err := tx.Select(ctx, &ids, `
		SELECT split_part(s.account, ':', 2)::bigint AS id FROM (`+ledger.SumsSQL+`) AS s
		WHERE s.account LIKE 'funder:%:credit' AND s.credited > s.debited
			AND EXISTS (SELECT 1 FROM campaigns c WHERE c.id = s.campaign_id AND c.closed_at IS NOT NULL)
		UNION
		SELECT split_part(s.account, ':', 2)::bigint FROM (`+ledger.SumsSQL+`) AS s
		WHERE s.account LIKE 'funder:%:fees_due' GROUP BY 1 HAVING sum(s.credited) > sum(s.debited)
		UNION
		SELECT funder_id FROM refunds WHERE state = 'proposed' AND funder_id IS NOT NULL
		ORDER BY 1`)
	return ids, err
}

// feesGivenBack tells whether the unused fees of a campaign were credited to a funder.
func feesGivenBack(ctx context.Context, tx *db.Tx, c Credit) (bool, error) {
	var back bool
	err := tx.Get(ctx, &back, `
		SELECT EXISTS (SELECT FROM invoices WHERE campaign_id = $1 AND funder_id = $2 AND kind = 'fees' AND corrects IS NOT NULL)`,
		c.Campaign, c.Funder)
	return back, err
}

func keepRollover(ctx context.Context, tx *db.Tx, c Credit, order vouchers.OrderID, amount vouchers.Cents) (vouchers.RolloverID, error) {
	var id vouchers.RolloverID
	err := tx.Get(ctx, &id, `
		INSERT INTO rollovers (campaign_id, funder_id, order_id, amount_cents, made_at) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
		c.Campaign, c.Funder, order, amount, tx.Now)
	return id, err
}

// Rollover is credit that has paid an order.
type Rollover struct {
	Campaign vouchers.CampaignID     `json:"-" db:"campaign_id"`
	Funder   vouchers.OrganisationID `json:"-" db:"funder_id"`
	Order    vouchers.OrderID        `json:"order" db:"order_id"`
	To       vouchers.CampaignID     `json:"to_campaign" db:"to_id"`
	ToName   string                  `json:"to_campaign_name" db:"to_name"`
	Amount   vouchers.Cents          `json:"amount_cents" db:"amount_cents"`
}

func rolloversOf(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) ([]Rollover, error) {
	var all []Rollover
	err := tx.Select(ctx, &all, `
		SELECT v.campaign_id, v.funder_id, v.order_id, o.campaign_id AS to_id, c.name AS to_name, v.amount_cents
		FROM rollovers v JOIN orders o ON o.id = v.order_id JOIN campaigns c ON c.id = o.campaign_id
		WHERE v.campaign_id = $1 ORDER BY v.id`, id)
	return all, err
}

func accounts(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Account, error) {
	all := []Account{}
	err := tx.Select(ctx, &all, `
		SELECT a.id, a.funder_id, o.name AS funder_name, a.iban, a.bic, a.holder, a.given_at, a.given_by, p.name AS giver_name, a.verified_at
		FROM funder_accounts a JOIN organisations o ON o.id = a.funder_id JOIN people p ON p.id = a.given_by
		WHERE `+where+` ORDER BY a.id`, args...)
	for i := range all {
		all[i].Masked = all[i].IBAN.Masked()
	}
	return all, err
}

func account(ctx context.Context, tx *db.Tx, id vouchers.AccountID) (Account, error) {
	all, err := accounts(ctx, tx, `a.id = $1`, id)
	if err == nil && len(all) == 0 {
		return Account{}, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return Account{}, err
	}
	return all[0], nil
}

// accountOf is a funder's account in force; nil where it has given none.
func accountOf(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID) (*Account, error) {
	all, err := accounts(ctx, tx, `a.funder_id = $1 AND a.replaced_at IS NULL`, funder)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

func keepAccount(ctx context.Context, tx *db.Tx, actor identity.Actor, to sepa.Account) error {
	if _, err := tx.Exec(ctx, `UPDATE funder_accounts SET replaced_at = $2 WHERE funder_id = $1 AND replaced_at IS NULL`,
		actor.Organisation, tx.Now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO funder_accounts (funder_id, iban, bic, holder, given_at, given_by) VALUES ($1, $2, $3, $4, $5, $6)`,
		actor.Organisation, to.IBAN.Full(), to.BIC, to.Holder, tx.Now, actor.Person)
	return err
}

func dropAccount(ctx context.Context, tx *db.Tx, id vouchers.AccountID) error {
	_, err := tx.Exec(ctx, `UPDATE funder_accounts SET replaced_at = $2 WHERE id = $1 AND replaced_at IS NULL`, id, tx.Now)
	return err
}

func markVerified(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.AccountID) (int64, error) {
	return tx.Exec(ctx, `
		UPDATE funder_accounts SET verified_at = $2, verified_by = $3 WHERE id = $1 AND verified_at IS NULL AND replaced_at IS NULL`,
		id, tx.Now, actor.Person)
}

// contactsOf are the addresses to write to about a funder's account: its own, and that of
// whoever gave the account in force.
func contactsOf(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID) ([]string, error) {
	var all []string
	err := tx.Select(ctx, &all, `
		SELECT email FROM organisations WHERE id = $1
		UNION
		SELECT p.email FROM funder_accounts a JOIN people p ON p.id = a.given_by WHERE a.funder_id = $1 AND a.replaced_at IS NULL
		ORDER BY 1`, funder)
	return all, err
}
