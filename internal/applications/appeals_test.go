package applications_test

import (
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/applications"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
)

func TestARefusalTakesTwoPeopleAndCanBeAppealed(t *testing.T) {
	t.Parallel()
	j := setup(t)
	ctx := t.Context()
	a := j.applies()
	_, err := j.room.Decide(ctx, j.Operator, a.ID, applications.Decision{Decision: "refuse"})
	j.refused(err, "remarks_missing")
	a = j.decides(j.Operator, a, "refuse")
	j.is("state", a.State, applications.Refusing)
	_, err = j.room.Confirm(ctx, j.Operator, a.ID, true, "")
	j.refused(err, "own_request")
	_, err = j.room.Confirm(ctx, j.second, a.ID, false, "")
	j.refused(err, "reason_missing")
	a, err = j.room.Confirm(ctx, j.second, a.ID, false, "La photo des horaires est jointe")
	j.ok(err)
	j.is("sent back", a.State, applications.Sent)
	j.is("nobody was told", len(j.letters), 0)
	a = j.decides(j.Operator, a, "refuse")
	_, err = j.room.Appeal(ctx, j.relais, a.ID, "Les horaires sont sur la porte.")
	j.refused(err, "application_not_refused")
	a, err = j.room.Confirm(ctx, j.second, a.ID, true, "")
	j.ok(err)
	j.is("state", a.State, applications.Refused)
	j.is("why", a.Remarks["welcome"], "Les horaires ne sont pas affichés.")
	j.is("labelled", j.labelled(), false)

	_, err = j.room.Appeal(ctx, j.relais, a.ID, "Non")
	j.refused(err, "reason_missing")
	a, err = j.room.Appeal(ctx, j.relais, a.ID, "Les horaires sont sur la porte.")
	j.ok(err)
	j.is("state", a.State, applications.Appealed)
	for _, who := range []identity.Actor{j.Operator, j.second} {
		_, err = j.room.Decide(ctx, who, a.ID, applications.Decision{Decision: "ask", Remarks: map[string]string{"welcome": "?"}})
		j.refused(err, "appeal_same_person")
	}
	a = j.decides(j.third, a, "grant")
	j.is("state", a.State, applications.Granted)
	j.is("labelled", j.labelled(), true)
}

func TestARefusalIsAppealedOnceAndInTime(t *testing.T) {
	t.Parallel()
	j := setup(t)
	ctx := t.Context()
	refuse := func(a applications.Application, first, second identity.Actor) applications.Application {
		t.Helper()
		a, err := j.room.Confirm(ctx, second, j.decides(first, a, "refuse").ID, true, "")
		j.ok(err)
		return a
	}
	a := refuse(j.applies(), j.Operator, j.second)
	j.Clock.Add((applications.AppealDays + 1) * 24 * time.Hour)
	_, err := j.room.Appeal(ctx, j.relais, a.ID, "Les horaires sont sur la porte.")
	j.refused(err, "appeal_too_late")

	// It can apply again, and takes its answers along.
	b := j.starts()
	if b.ID == a.ID || b.Answers["welcome"].Meets != "yes" || len(b.Proofs) != 0 {
		t.Errorf("the new one: %+v", b)
	}
	b = refuse(j.sends(j.fills(b)), j.Operator, j.second)
	b, err = j.room.Appeal(ctx, j.relais, b.ID, "Les horaires sont sur la porte.")
	j.ok(err)
	b = refuse(b, j.third, j.reviewer())
	_, err = j.room.Appeal(ctx, j.relais, b.ID, "Vraiment, sur la porte.")
	j.refused(err, "appeal_decided")
}

// Whatever becomes of an appeal on its way, nobody who refused has a say in it.
func TestNobodyWhoRefusedDecidesTheAppeal(t *testing.T) {
	t.Parallel()
	j := setup(t)
	ctx := t.Context()
	ask := applications.Decision{Decision: "ask", Remarks: map[string]string{"welcome": "?"}}
	a, err := j.room.Confirm(ctx, j.second, j.decides(j.Operator, j.applies(), "refuse").ID, true, "")
	j.ok(err)
	a, err = j.room.Appeal(ctx, j.relais, a.ID, "Les horaires sont sur la porte.")
	j.ok(err)
	closed := func() {
		t.Helper()
		for _, who := range []identity.Actor{j.Operator, j.second} {
			_, err := j.room.Decide(ctx, who, a.ID, ask)
			j.refused(err, "appeal_same_person")
		}
	}
	a = j.sends(j.decides(j.third, a, "ask"))
	j.is("sent again, it is an appeal", a.State, applications.Appealed)
	closed()
	a = j.decides(j.third, a, "refuse")
	for _, who := range []identity.Actor{j.Operator, j.second} {
		_, err = j.room.Confirm(ctx, who, a.ID, true, "")
		j.refused(err, "appeal_same_person")
	}
	a, err = j.room.Confirm(ctx, j.reviewer(), a.ID, false, "La photo est jointe")
	j.ok(err)
	j.is("sent back", a.State, applications.Appealed)
	closed()
	j.is("state", j.decides(j.third, a, "grant").State, applications.Granted)
}

// A place that changes hands takes nothing along of what its former structure asked for.
func TestAnApplicationEndsWhereThePlaceChangesHands(t *testing.T) {
	t.Parallel()
	j := setup(t)
	ctx := t.Context()
	a := j.applies()
	j.ok(j.DB.InTx(ctx, func(tx *db.Tx) error { return second(labelling.Release(ctx, tx, j.Operator, j.relais.Organisation)) }))
	_, err := j.Labelling.Claim(ctx, j.Structure.Actor, labelling.ClaimRequest{Place: j.place})
	j.ok(err)
	queue, err := j.room.Queue(ctx, j.Operator)
	j.ok(err)
	j.is("waiting", len(queue), 0)
	_, err = j.room.Decide(ctx, j.Operator, a.ID, applications.Decision{Decision: "grant"})
	j.refused(err, "application_not_waiting")
	b, err := j.room.Start(ctx, j.Structure.Actor, j.place, "")
	j.ok(err)
	if b.ID == a.ID || len(b.Proofs) != 0 || b.Answers["welcome"].Meets != "" {
		t.Errorf("the other structure's: %+v", b)
	}
	a, err = j.room.Open(ctx, j.relais, a.ID)
	j.ok(err)
	j.is("the former one's", a.State, applications.Withdrawn)
}
