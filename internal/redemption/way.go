package redemption

import "github.com/passerelle/passerelle/vouchers"

// Way is how far the money of a redemption has come, and in what. Its states are owed;
// in_settlement, in a payout that the bank does not know of yet; sent, when the bank has the
// file that orders it; paid, when the bank has sent it, on the structure's account the next
// working day at the latest; came_back, owed and paid again; taken_back, when the redemption
// was undone.
type Way struct {
	State    string             `json:"payment" db:"payment"`
	Payout   *vouchers.PayoutID `json:"payout" db:"payout_id"`                   // the latest that is to pay it; nil: none yet
	EndToEnd string             `json:"end_to_end_id,omitempty" db:"end_to_end"` // what the bank's statement quotes
	PaidOn   *vouchers.Day      `json:"paid_on" db:"paid_on"`                    // when the bank sent it
}

// wayOf tells the way of redemption r: the payout that took it, or the one in which that was
// paid again, however often.
const (
	wayOf = `
		LEFT JOIN LATERAL (
			WITH RECURSIVE taken (id, reissued_in) AS (
				SELECT o.id, o.reissued_in FROM payouts o
				WHERE o.structure_id = r.structure_id AND o.after_id < r.id AND o.up_to_id >= r.id AND r.undone_at IS NULL
				UNION ALL
				SELECT o.id, o.reissued_in FROM taken t JOIN payouts o ON o.id = t.reissued_in)
			SELECT o.id, o.state, o.end_to_end, o.booked_on, s.sent_at
			FROM taken t JOIN payouts o ON o.id = t.id JOIN settlements s ON s.id = o.settlement_id WHERE t.reissued_in IS NULL) AS w ON true`
	wayColumns = `
		w.id AS payout_id, COALESCE(w.end_to_end, '') AS end_to_end, CASE WHEN w.state = 'booked' THEN w.booked_on END AS paid_on,
		CASE WHEN r.undone_at IS NOT NULL THEN 'taken_back' WHEN w.id IS NULL THEN 'owed' WHEN w.state = 'booked' THEN 'paid'
			WHEN w.state IN ('returned', 'rejected') THEN 'came_back' WHEN w.sent_at IS NOT NULL THEN 'sent' ELSE 'in_settlement' END AS payment`
)
