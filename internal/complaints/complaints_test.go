package complaints_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/passerelle/passerelle/internal/complaints"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

func TestAHolderComplainsAndGetsTheVouchersBack(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.redeems(2)
	s.redeems(3)
	c := s.holder(id)
	if !c.Withheld || !c.Mine || c.By != complaints.Holder || c.Reference() != "C000001" || c.AnswerBy != vouchers.DayOf(s.Clock.Now()).AddDays(15) {
		t.Errorf("the complaint is %+v", c)
	}
	if paid := s.pays(); paid != 30_00 {
		t.Errorf("%s was paid: only the contested line waits", paid)
	}
	answered, err := s.Answer(t.Context(), s.Structure.Actor, complaints.Reply{Complaint: c.ID, Answer: "We have the sheet.", Proof: &sheet})
	s.ok(err)
	if answered.Email != "" || answered.Phone != "" || len(answered.Proofs) != 1 {
		t.Errorf("the structure sees %+v", answered)
	}
	done := s.decides(c, true)
	if done.State != complaints.Upheld || done.Outcome != settlement.ToHolder || done.Withheld {
		t.Errorf("decided: %+v", done)
	}
	if s.left() != 17 {
		t.Errorf("%d vouchers are left", s.left())
	}
	if paid := s.pays(); paid != 0 {
		t.Errorf("%s was paid", paid)
	}
	told := *s.letters
	for _, want := range []string{"opened structure ", "opened holder aline@exemple.fr", "opened operator ", "answered holder ", "upheld structure ", "upheld holder aline@exemple.fr"} {
		if !slices.ContainsFunc(told, func(l string) bool { return strings.HasPrefix(l, want) }) {
			t.Errorf("nobody was told %q: %v", want, told)
		}
	}
	uses, err := s.Uses(t.Context(), nobody, s.booklet.QR)
	s.ok(err)
	if len(uses) != 2 || uses[1].Complaint != c.ID || uses[1].State != complaints.Upheld || !uses[1].Undone || uses[0].Complaint != 0 {
		t.Errorf("the booklet's uses: %+v", uses)
	}
}

func TestAComplaintThatIsTurnedDownIsPaid(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.redeems(2)
	c := s.holder(id)
	if done := s.decides(c, false); done.State != complaints.Dismissed || done.Outcome != "" {
		t.Errorf("decided: %+v", done)
	}
	if paid := s.pays(); paid != 20_00 {
		t.Errorf("%s was paid", paid)
	}
	_, err := s.Open(t.Context(), nobody, complaints.NewComplaint{Redemption: id, Code: s.booklet.QR, Cause: "not_mine"}, "192.0.2.1")
	s.refused(err, "complaint_decided_before")
	_, err = s.Decide(t.Context(), s.Operator, complaints.Decision{Complaint: c.ID, Upheld: true, Reason: "on second thoughts"})
	s.refused(err, "complaint_ended")
}

func TestWhoComplainedMayThinkAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.redeems(2)
	c := s.holder(id)
	_, err := s.Withdraw(t.Context(), nobody, c.ID, s.HandOver(s.Campaign, 2).QR)
	s.refused(err, "not_found")
	_, err = s.Withdraw(t.Context(), s.Structure.Actor, c.ID, "")
	s.refused(err, "not_found")
	w, err := s.Withdraw(t.Context(), nobody, c.ID, s.booklet.QR)
	s.ok(err)
	if w.State != complaints.Withdrawn || w.Withheld {
		t.Errorf("withdrawn: %+v", w)
	}
	s.sound()
	if paid := s.pays(); paid != 20_00 {
		t.Errorf("%s was paid", paid)
	}
}

func TestAStructureSaysThatItTookTooMuch(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.redeems(3)
	if s.pays() != 30_00 {
		t.Fatal("it was not paid")
	}
	c, err := s.complains(s.Structure.Actor, id)
	s.ok(err)
	if c.Withheld || c.By != complaints.Structure {
		t.Errorf("the complaint is %+v", c)
	}
	if done := s.decides(c, true); done.Outcome != settlement.AsDebt {
		t.Errorf("decided: %+v", done)
	}
	debts, err := s.settlement.Debts(t.Context(), s.Structure.Actor)
	s.ok(err)
	if len(debts.Open) != 1 || debts.Open[0].Left != 30_00 {
		t.Errorf("debts: %+v", debts.Open)
	}
	s.redeems(4)
	if paid := s.pays(); paid != 10_00 {
		t.Errorf("%s was paid: the debt is netted", paid)
	}
}

func TestFunderAndPrescriberMayComplainAndLearnNothingPersonal(t *testing.T) {
	t.Parallel()
	s := setup(t)
	first, second, third := s.redeems(1), s.redeems(1), s.redeems(1)
	byFunder, err := s.complains(s.Funder, first)
	s.ok(err)
	_, err = s.complains(s.Prescriber, second)
	s.ok(err)
	held := s.holder(third)
	_, err = s.Answer(t.Context(), s.Structure.Actor, complaints.Reply{Complaint: held.ID, Answer: "Mrs Aline came.", Proof: &sheet})
	s.ok(err)
	for who, a := range map[string]identity.Actor{"funder": s.Funder, "prescriber": s.Prescriber} {
		all, err := s.List(t.Context(), a, complaints.Query{Limit: 10})
		s.ok(err)
		if len(all) != 3 {
			t.Errorf("%s sees %d complaints", who, len(all))
		}
		c, err := s.Read(t.Context(), a, held.ID, "")
		s.ok(err)
		if c.Words+c.Answer+c.Email+c.Phone+c.Reason != "" || len(c.Proofs) != 0 || c.Mine || who == "funder" && c.Booklet != 0 {
			t.Errorf("%s reads %+v", who, c)
		}
	}
	mine, err := s.Read(t.Context(), s.Funder, byFunder.ID, "")
	s.ok(err)
	if !mine.Mine || mine.Words == "" || mine.Booklet != 0 {
		t.Errorf("the funder reads of its own %+v", mine)
	}
	stranger := s.NewStructure("Bonlieu")
	_, err = s.Read(t.Context(), stranger.Actor, held.ID, "")
	s.refused(err, "not_found")
	_, err = s.complains(stranger.Actor, first)
	s.refused(err, "not_found")
	_, err = s.complains(s.Organisation(identity.Funder, "Ville de Cluses"), second)
	s.refused(err, "not_found")
	if all, err := s.List(t.Context(), stranger.Actor, complaints.Query{Limit: 10}); err != nil || len(all) != 0 {
		t.Errorf("a stranger sees %+v, %v", all, err)
	}
}

func TestProofsAreForThePartiesAlone(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.redeems(1)
	c, err := s.Open(t.Context(), nobody, complaints.NewComplaint{Redemption: id, Code: s.booklet.QR, Cause: "not_given", Proof: &sheet}, "192.0.2.1")
	s.ok(err)
	file := c.Proofs[0].File
	for name, read := range map[string]error{
		"the operator":  justError(s.File(t.Context(), s.Operator, c.ID, file, "")),
		"the structure": justError(s.File(t.Context(), s.Structure.Actor, c.ID, file, "")),
		"the holder":    justError(s.File(t.Context(), nobody, c.ID, file, s.booklet.QR)),
	} {
		if read != nil {
			t.Errorf("%s: %v", name, read)
		}
	}
	s.refused(justError(s.File(t.Context(), s.Funder, c.ID, file, "")), "not_found")
	s.refused(justError(s.File(t.Context(), nobody, c.ID, file, s.HandOver(s.Campaign, 1).QR)), "not_found")
}

func justError[T any](_ T, err error) error { return err }

func TestNobodyDecidesOnTheirOwnComplaint(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c, err := s.complains(s.Operator, s.redeems(1))
	s.ok(err)
	_, err = s.Decide(t.Context(), s.Operator, complaints.Decision{Complaint: c.ID, Upheld: true, Reason: "as I said"})
	s.refused(err, "complaint_same_person")
	_, err = s.Decide(t.Context(), s.Colleague(), complaints.Decision{Complaint: c.ID, Upheld: true, Reason: "as they said"})
	s.ok(err)
	s.sound()
}

func TestComplaintsAreRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.redeems(1)
	_, err := s.Open(t.Context(), nobody, complaints.NewComplaint{Redemption: id, Cause: "not_mine", Words: "It was not me."}, "192.0.2.1")
	s.refused(err, "code_malformed")
	_, err = s.Open(t.Context(), nobody, complaints.NewComplaint{Redemption: id, Code: s.HandOver(s.Campaign, 1).QR, Cause: "not_mine"}, "192.0.2.1")
	s.refused(err, "not_found")
	_, err = s.Open(t.Context(), nobody, complaints.NewComplaint{Redemption: id, Code: s.booklet.QR, Cause: "revenge"}, "192.0.2.1")
	s.refused(err, "complaint_cause")
	_, err = s.Open(t.Context(), nobody, complaints.NewComplaint{Redemption: id, Code: s.booklet.QR, Cause: "other"}, "192.0.2.1")
	s.refused(err, "complaint_words")
	_, err = s.Open(t.Context(), nobody, complaints.NewComplaint{Redemption: id, Code: s.booklet.QR, Cause: "not_mine", Phone: "call me"}, "192.0.2.1")
	s.refused(err, "booking_phone")
	s.Undo(s.Structure, id)
	_, err = s.Open(t.Context(), nobody, complaints.NewComplaint{Redemption: id, Code: s.booklet.QR, Cause: "not_mine"}, "192.0.2.1")
	s.refused(err, "redemption_undone")
	other := s.redeems(1)
	s.holder(other)
	_, err = s.complains(s.Funder, other)
	s.refused(err, "complaint_open")
	_, err = s.Answer(t.Context(), s.NewStructure("Bonlieu").Actor, complaints.Reply{Complaint: 1, Answer: "That is not ours."})
	s.refused(err, "not_found")
	for range 5 {
		_, err = s.Open(t.Context(), nobody, complaints.NewComplaint{Redemption: other, Code: s.booklet.QR, Cause: "not_mine"}, "192.0.2.9")
	}
	_, err = s.Open(t.Context(), nobody, complaints.NewComplaint{Redemption: other, Code: s.booklet.QR, Cause: "not_mine"}, "192.0.2.9")
	s.refused(err, "rate_limited")
}

func TestTheDeadlineIsShownAndDecidesNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.holder(s.redeems(1))
	s.Clock.Add(16 * 24 * 3600e9)
	all, err := s.List(t.Context(), s.Operator, complaints.Query{State: complaints.Open, Limit: 10})
	s.ok(err)
	if len(all) != 1 || !all[0].Late || all[0].State != complaints.Open || all[0].ID != c.ID {
		t.Errorf("the queue is %+v", all)
	}
}

func TestAnAddressIsForgotten(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.holder(s.redeems(1))
	s.decides(c, false)
	address := func() string {
		s.ok(s.Forget(t.Context()))
		c, err := s.Read(t.Context(), s.Operator, c.ID, "")
		s.ok(err)
		return c.Email + c.Phone
	}
	if address() == "" {
		t.Error("forgotten at once")
	}
	s.Clock.Add(200 * 24 * 3600e9)
	if a := address(); a != "" {
		t.Errorf("%q is still kept", a)
	}
}

// Two people decide at once, one complains again, one undoes: one thing happens to the line.
func TestDecisionsAtOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.redeems(1)
	c := s.holder(id)
	second := s.Colleague()
	var all sync.WaitGroup
	for i, a := range []identity.Actor{s.Operator, second, s.Operator, second} {
		all.Go(func() {
			_, err := s.Decide(t.Context(), a, complaints.Decision{Complaint: c.ID, Upheld: i%2 == 0, Reason: "as the sheet shows"})
			if err != nil && fault.Code(err) != "complaint_ended" {
				t.Error(err)
			}
		})
	}
	all.Go(func() {
		_, err := s.Counter.Undo(t.Context(), s.Structure.Actor, redemption.UndoRequest{ID: id, Reason: "wrong person"})
		if code := fault.Code(err); err != nil && code != "redemption_withheld" && code != "already_undone" {
			t.Error(err)
		}
	})
	all.Wait()
	s.sound()
	s.InTx(func(tx *db.Tx) error {
		var ended int
		err := tx.Get(t.Context(), &ended, `SELECT count(*) FROM complaints WHERE state IN ('upheld', 'dismissed')`)
		if ended != 1 {
			t.Errorf("%d decisions", ended)
		}
		return err
	})
}
