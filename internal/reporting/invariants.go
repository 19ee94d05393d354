package reporting

import (
	"bytes"
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/seals"
	"github.com/passerelle/passerelle/vouchers"
)

// evidenceMost is how many broken rows a finding names. One is enough to stop; some
// more show the pattern.
const evidenceMost = 20

// Finding says whether one invariant holds.
type Finding struct {
	ID       string   `json:"id"` // "INV-1"
	OK       bool     `json:"ok"`
	Title    string   `json:"-"`        // key of what must hold, in words
	Evidence []string `json:"evidence"` // the first rows that break it: "campaign:12 live_cents=8000 ledger_cents=9000"
}

// FileOf makes a settlement's payment files anew from its rows, and tells the SHA-256 of them
// all, one after the other, and of each.
type FileOf func(ctx context.Context, tx *db.Tx, id vouchers.SettlementID) (whole []byte, each [][]byte, err error)

// invariant is one numbered promise: a query that returns a line of evidence for each
// row that breaks it, and so none while it holds.
type invariant struct{ id, sql string }

// invariants are those that the rows themselves can prove. The others are proven by
// tests: they are about the program, the file system or the outside.
var invariants = []invariant{
	{"INV-1", transfersHaveCauses},
	{"INV-2", moneyIsConserved + " UNION ALL " + checkoutsAreWhole + " UNION ALL " + lossesAreLost},
	{"INV-3", structuresAreOwed},
	{"INV-4", bankAgrees},
	{"INV-5", everythingIsCovered},
	{"INV-6", oneEndingPerVoucher},
	{"INV-8", oneEffectPerKey},
	{"INV-9", guardedAccountsHold},
	{"INV-10", payoutsFollowEachOther},
	{"INV-11", redeemedWithinTheRules},
	{"INV-12", decidedByAnother},
	{"INV-13", paidToKnownAccounts},
	{"INV-14", sealsFollowEachOther},
	{"INV-16", tenantsAgree},
	{"INV-19", noticesAreSentOnce},
	{"INV-20", timeRunsOneWay},
	{"INV-21", rollUpsEqualRows},
	{"INV-22", holdsAreKept},
}

// Verify recomputes the invariants from the rows. It reads every row there is: run it
// on a snapshot (db.Read), not on each page view.
func Verify(ctx context.Context, tx *db.Tx, file FileOf) ([]Finding, error) {
	findings := make([]Finding, 0, len(invariants))
	for _, inv := range invariants {
		evidence := []string{}
		err := tx.Select(ctx, &evidence, `
			SELECT evidence FROM (`+inv.sql+`) AS broken ORDER BY evidence COLLATE "C" LIMIT $1`, evidenceMost)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", inv.id, err)
		}
		recomputed, err := recompute(ctx, tx, inv.id, file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", inv.id, err)
		}
		evidence = append(evidence, recomputed...)
		evidence = evidence[:min(len(evidence), evidenceMost)]
		findings = append(findings, Finding{ID: inv.id, OK: len(evidence) == 0, Title: "invariant." + inv.id, Evidence: evidence})
	}
	return findings, nil
}

// recompute finds what a query alone cannot: files and digests that the rows no longer give.
func recompute(ctx context.Context, tx *db.Tx, id string, file FileOf) ([]string, error) {
	switch id {
	case "INV-10":
		return changedFiles(ctx, tx, file)
	case "INV-14":
		return seals.Broken(ctx, tx, evidenceMost)
	}
	return nil, nil
}

// changedFiles names the settlements whose rows no longer give the files that were approved.
// All of them count, one after the other; the hash of each is compared where it is kept.
func changedFiles(ctx context.Context, tx *db.Tx, file FileOf) ([]string, error) {
	var closed []struct {
		ID     vouchers.SettlementID `db:"id"`
		Number int                   `db:"number"` // 0: all files
		Hash   []byte                `db:"sha256"`
	}
	if err := tx.Select(ctx, &closed, `
		SELECT id, 0 AS number, file_sha256 AS sha256 FROM settlements
		UNION ALL SELECT settlement_id, number, sha256 FROM settlement_files ORDER BY id, number`); err != nil {
		return nil, err
	}
	var changed []string
	var each [][]byte
	for _, s := range closed {
		var made []byte
		var err error
		switch {
		case s.Number == 0:
			made, each, err = file(ctx, tx, s.ID)
			if code := fault.Code(err); code != "" {
				changed = append(changed, fmt.Sprintf("settlement:%d no_file=%s", s.ID, code))
			} else if err != nil {
				return nil, fmt.Errorf("file of settlement %d: %w", s.ID, err)
			}
		case s.Number <= len(each):
			made = each[s.Number-1]
		}
		if !bytes.Equal(made, s.Hash) {
			changed = append(changed, fmt.Sprintf("settlement:%d file=%d approved_sha256=%x file_sha256=%x", s.ID, s.Number, s.Hash, made))
		}
	}
	return changed, nil
}
