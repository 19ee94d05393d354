package complaints_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/complaints"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

var payer = settlement.Debtor{Name: "Passerelle", IBAN: "FR7630006000011234567890189", BIC: "AGRIFRPP",
	Street: "12 rue de la Préfecture", Postcode: "69003", Town: "Lyon"}

// stage is a world with the room of complaints and the letters that it sends.
type stage struct {
	*world.World
	*complaints.Service
	settlement *settlement.Service
	t          *testing.T
	letters    *[]string // "event party address"
	booklet    issuing.Booklet
}

func setup(t *testing.T) stage {
	t.Helper()
	w := world.New(t)
	var letters []string
	tell := func(_ context.Context, _ *db.Tx, to string, party complaints.By, event complaints.Event, c complaints.Complaint) error {
		letters = append(letters, fmt.Sprintf("%s %s %s", event, party, to))
		return nil
	}
	s := stage{World: w, Service: complaints.New(w.DB, w.Keys, tell), t: t, letters: &letters,
		settlement: settlement.New(w.DB, payer, func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })}
	s.booklet = s.HandOver(s.Campaign, 20)
	return s
}

var nobody identity.Actor

// redeems takes vouchers of the booklet.
func (s stage) redeems(count int) vouchers.RedemptionID {
	return s.Redeem(s.Structure, s.booklet, count).ID
}

// holder complains with the booklet's code.
func (s stage) holder(id vouchers.RedemptionID) complaints.Complaint {
	s.t.Helper()
	c, err := s.Open(s.t.Context(), nobody, complaints.NewComplaint{Redemption: id, Code: s.booklet.QR, Cause: "not_mine",
		Email: "aline@exemple.fr", Phone: "06 12 34 56 78"}, "192.0.2.1")
	s.ok(err)
	s.sound()
	return c
}

func (s stage) complains(a identity.Actor, id vouchers.RedemptionID) (complaints.Complaint, error) {
	return s.Open(s.t.Context(), a, complaints.NewComplaint{Redemption: id, Cause: "mistake", Words: "It was counted twice."}, "")
}

func (s stage) decides(c complaints.Complaint, upheld bool) complaints.Complaint {
	s.t.Helper()
	c, err := s.Decide(s.t.Context(), s.Operator, complaints.Decision{Complaint: c.ID, Upheld: upheld, Reason: "as the sheet shows"})
	s.ok(err)
	s.sound()
	return c
}

// pays closes a settlement and returns what it comes to.
func (s stage) pays() vouchers.Cents {
	s.t.Helper()
	closed, err := s.settlement.Close(s.t.Context(), s.Operator, settlement.CloseRequest{})
	if fault.Code(err) == "nothing_to_settle" {
		return 0
	}
	s.ok(err)
	s.sound()
	return closed.Total
}

func (s stage) left() (n int) {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) (err error) {
		n, err = issuing.Left(s.t.Context(), tx, s.booklet.ID)
		return err
	})
	return n
}

// sound recomputes every invariant.
func (s stage) sound() {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) error {
		found, err := reporting.Verify(s.t.Context(), tx, settlement.FileOf)
		for _, f := range found {
			if !f.OK {
				s.t.Errorf("%s: %s", f.ID, strings.Join(f.Evidence, "; "))
			}
		}
		return err
	})
}

func (s stage) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s stage) refused(err error, code string) {
	s.t.Helper()
	if fault.Code(err) != code {
		s.t.Errorf("got %v, want fault %q", err, code)
	}
}

// sheet is an attendance sheet.
var sheet = files.Upload{Name: "emargement.pdf", Content: []byte("%PDF-1.4\n%%EOF")}
