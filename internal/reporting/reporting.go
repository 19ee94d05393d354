// Package reporting tells what happened to the money: whether every live voucher is
// covered, what a campaign did, what waits for the operator, and whether the numbered
// invariants hold. It reads every table and writes none.
package reporting

import (
	"context"
	"sync"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
)

// Service is the use cases of reporting.
type Service struct {
	db    *db.DB
	file  FileOf
	cover coverCache
}

// New makes the service. file makes a settlement's payment file anew.
func New(d *db.DB, file FileOf) *Service { return &Service{db: d, file: file} }

// Verification is what Verify found, and when.
type Verification struct {
	At       time.Time
	Findings []Finding
}

// OK reports whether every invariant holds.
func (v Verification) OK() bool {
	for _, f := range v.Findings {
		if !f.OK {
			return false
		}
	}
	return true
}

// Verify recomputes the invariants for the operator, on one snapshot. It reads every
// row: minutes where there are millions.
func (s *Service) Verify(ctx context.Context, actor identity.Actor) (Verification, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return Verification{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Verification{}, err
	}
	var v Verification
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		v.At = tx.Now
		v.Findings, err = Verify(ctx, tx, s.file)
		return err
	})
	return v, err
}

// Scope is what an API token needs to read reports and invariants.
const Scope = "reports"

// coverCache keeps the last cover for a moment: the page is public.
type coverCache struct {
	mu   sync.Mutex
	last Cover
}
