package complaints

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/vouchers"
)

// mayRead says for whom the actor reads.
func mayRead(actor identity.Actor, code string) (By, error) {
	if code != "" || !actor.SignedIn() {
		return Holder, nil
	}
	return role(actor, identity.Agent, identity.Finance, identity.Reader)
}

// Query selects complaints. Zero values exclude nothing. There is no next page of those that
// are open.
type Query struct {
	State  State
	Before vouchers.ComplaintID // the cursor
	Limit  int
}

// List returns the complaints that concern the actor's organisation: all for the operator,
// those about a structure's redemptions, of a funder's campaigns, of a prescriber's booklets.
// The newest come first; of those that are open, the earliest deadline.
func (s *Service) List(ctx context.Context, actor identity.Actor, q Query) ([]Complaint, error) {
	if !actor.SignedIn() {
		return nil, fault.New(fault.Unauthenticated, "unauthenticated")
	}
	by, err := mayRead(actor, "")
	if err != nil {
		return nil, err
	}
	all := []Complaint{}
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		found, err := list(ctx, tx, actor, by, q)
		for _, c := range found {
			all = append(all, s.read(tx, actor, by, c))
		}
		return err
	})
	return all, err
}

// Read returns one complaint with its proofs, for whoever it concerns. A holder shows the
// booklet's code.
func (s *Service) Read(ctx context.Context, actor identity.Actor, id vouchers.ComplaintID, code string) (Complaint, error) {
	by, err := mayRead(actor, code)
	if err != nil {
		return Complaint{}, err
	}
	var c Complaint
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) {
		c, err = s.own(ctx, tx, actor, by, id, code)
		return err
	})
	return c, err
}

// File returns a proof to whoever may read it.
func (s *Service) File(ctx context.Context, actor identity.Actor, id vouchers.ComplaintID, file vouchers.ProofID, code string) (files.File, error) {
	by, err := mayRead(actor, code)
	if err != nil {
		return files.File{}, err
	}
	var f files.File
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		c, err := s.own(ctx, tx, actor, by, id, code)
		if err != nil {
			return err
		}
		for _, p := range c.Proofs {
			if p.File == file {
				f, err = files.Open(ctx, tx, file)
				return err
			}
		}
		return notFound()
	})
	return f, err
}

// Use is one redemption of a booklet as its holder sees it.
type Use struct {
	Redemption vouchers.RedemptionID `db:"id"`
	At         time.Time             `db:"at"`
	PlaceName  string                `db:"place_name"`
	Theme      string                `db:"theme"`
	Count      int                   `db:"vouchers"`
	Amount     vouchers.Cents        `db:"amount_cents"`
	Undone     bool                  `db:"undone"`
	Complaint  vouchers.ComplaintID  `db:"complaint"` // the latest; 0: none
	State      State                 `db:"state"`
}

// Uses lists what a booklet was used for, the latest first, to whoever shows its code.
func (s *Service) Uses(ctx context.Context, actor identity.Actor, code string) ([]Use, error) {
	var uses []Use
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		booklet, err := s.bookletOf(ctx, tx, code)
		if err != nil {
			return err
		}
		uses, err = usesOf(ctx, tx, booklet)
		return err
	})
	return uses, err
}

// own reads a complaint that concerns the actor. Any other does not exist for it.
func (s *Service) own(ctx context.Context, tx *db.Tx, actor identity.Actor, by By, id vouchers.ComplaintID, code string) (Complaint, error) {
	c, err := get(ctx, tx, id)
	if err != nil {
		return c, err
	}
	concerned := by == Operator
	switch by {
	case Holder:
		booklet, err := s.bookletOf(ctx, tx, code)
		if err != nil {
			return Complaint{}, notFound()
		}
		concerned = booklet == c.Booklet
	case Structure:
		concerned = c.Structure == actor.Organisation
	case Prescriber:
		concerned = c.prescriber == actor.Organisation
	case Funder:
		if concerned, err = pays(ctx, tx, actor.Organisation, c.Campaign); err != nil {
			return Complaint{}, err
		}
	}
	if !concerned {
		return Complaint{}, notFound()
	}
	return s.complete(ctx, tx, actor, by, c)
}

// seen reads a complaint again for whoever has just changed it.
func (s *Service) seen(ctx context.Context, tx *db.Tx, actor identity.Actor, by By, id vouchers.ComplaintID) (Complaint, error) {
	c, err := get(ctx, tx, id)
	if err != nil {
		return c, err
	}
	return s.complete(ctx, tx, actor, by, c)
}

func (s *Service) complete(ctx context.Context, tx *db.Tx, actor identity.Actor, by By, c Complaint) (Complaint, error) {
	var err error
	if c.Proofs, err = proofs(ctx, tx, c.ID); err != nil {
		return c, err
	}
	return s.read(tx, actor, by, c), nil
}

// read is a complaint as the actor may see it.
func (s *Service) read(tx *db.Tx, actor identity.Actor, by By, c Complaint) Complaint {
	c.Late = c.State == Open && c.AnsweredAt == nil && vouchers.DayOf(tx.Now) > c.AnswerBy
	c.Mine = c.By == by && c.organisation == actor.Organisation
	if by == Holder { // signed in or not
		c.Mine = c.By == Holder
	}
	if c.Proofs == nil {
		c.Proofs = []Proof{}
	}
	return c.forReader(by)
}

// concerns refuses a complaint about a redemption that is not the actor's to know.
func (s *Service) concerns(ctx context.Context, tx *db.Tx, actor identity.Actor, by By, req NewComplaint) error {
	r, err := concerned(ctx, tx, req.Redemption)
	if err != nil {
		return err
	}
	known := by == Operator
	switch by {
	case Holder:
		booklet, err := s.bookletOf(ctx, tx, req.Code)
		if err != nil {
			return err
		}
		known = booklet == r.Booklet
	case Structure:
		known = r.Structure == actor.Organisation
	case Prescriber:
		known = r.Prescriber == actor.Organisation
	case Funder:
		if known, err = pays(ctx, tx, actor.Organisation, r.Campaign); err != nil {
			return err
		}
	}
	if !known {
		return notFound()
	}
	return nil
}

// bookletOf reads a code that a camera read, or that the holder's page made of a typed code,
// where tries are counted. One that we did not make never reaches the database.
func (s *Service) bookletOf(ctx context.Context, tx *db.Tx, code string) (vouchers.BookletID, error) {
	payload, err := vouchers.FromScan(code)
	if err != nil {
		return 0, fault.New(fault.Malformed, "code_malformed")
	}
	ticket, err := s.keys.Check(payload)
	if err != nil {
		return 0, fault.New(fault.Malformed, "code_malformed")
	}
	return issuing.Find(ctx, tx, ticket, nil)
}

// Forget erases the addresses of holders whose complaint has long ended.
func (s *Service) Forget(ctx context.Context) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error { return forget(ctx, tx, tx.Now.AddDate(0, -contactMonth, 0)) })
}
