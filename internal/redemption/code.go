package redemption

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/throttle"
	"github.com/passerelle/passerelle/vouchers"
)

// A structure may try this many unknown codes in a window: far more than slips of the
// finger, far fewer than a guess of 65 bits needs.
const (
	triesLimit  = 30
	triesWindow = 10 * time.Minute
)

// code is what a presented code says: either a signed ticket or the hashes of a typed
// code. Forged or mistyped codes never get this far, so they never reach the database.
type code struct {
	ticket vouchers.Ticket
	hashes [][]byte // empty for a ticket
}

// readCode checks signature or check characters.
func readCode(keys *vouchers.Keyring, text string) (code, error) {
	if payload, err := vouchers.FromScan(text); err == nil {
		ticket, err := keys.Check(payload)
		if err != nil {
			return code{}, fault.New(fault.Malformed, "code_malformed")
		}
		return code{ticket: ticket}, nil
	}
	typed, err := vouchers.ParseTyped(text)
	if err != nil {
		return code{}, fault.New(fault.Malformed, "code_malformed")
	}
	return code{hashes: keys.Hash(typed)}, nil
}

// fingerprint is the request with the code replaced by what may be stored: the ticket's
// serial, or the oldest key's hash of a typed code, which stays the same when keys are
// added.
func (c code) fingerprint(req Request) any {
	req.Code = fmt.Sprintf("%d/%d", c.ticket.Campaign, c.ticket.Serial)
	if len(c.hashes) > 0 {
		req.Code = hex.EncodeToString(c.hashes[len(c.hashes)-1])
	}
	return req
}

func findBooklet(ctx context.Context, tx *db.Tx, c code) (vouchers.BookletID, error) {
	return issuing.Find(ctx, tx, c.ticket, c.hashes)
}

func takeTry(ctx context.Context, tx *db.Tx, org vouchers.OrganisationID) error {
	return throttle.Take(ctx, tx, fmt.Sprintf("unknown-code:%d", org), triesLimit, triesWindow)
}

func objectName(id vouchers.RedemptionID) string { return fmt.Sprintf("redemption:%d", id) }
