package settlement

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// Attest tells the accountant of the actor's structure how late the operator pays at most, and
// what it has paid in a year. The days of settlement are left for the caller to word.
func (s *Service) Attest(ctx context.Context, actor identity.Actor) (documents.Attestation, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return documents.Attestation{}, err
	}
	var a documents.Attestation
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		today := vouchers.DayOf(tx.Now)
		o, err := identity.OrganisationOf(ctx, tx, actor.Organisation)
		if err != nil {
			return err
		}
		d, err := s.delays(ctx, tx, actor.Organisation)
		if err != nil {
			return err
		}
		a = documents.Attestation{Structure: partyOf(o), Longest: d.Promised, From: d.From, Until: d.Until, Redemptions: d.Redemptions, Kept: d.Kept,
			Operator: documents.Party{Name: s.debtor.Name, Address: []string{s.debtor.Street, s.debtor.Postcode + " " + s.debtor.Town}, SIRET: s.debtor.SIRET},
			Oldest:   d.Oldest, MadeAt: tx.Now}
		all, err := s.recipients(ctx, tx, []due{{Structure: actor.Organisation}})
		if err != nil {
			return err
		}
		a.ByStripe = all[actor.Organisation].Connected != ""
		if d.Worst != nil {
			a.Worst = *d.Worst
		}
		if a.Owed, err = ledger.Balance(ctx, tx, ledger.Payable(actor.Organisation)); err != nil {
			return err
		}
		if a.UnderWay, err = underWay(ctx, tx, actor.Organisation); err != nil {
			return err
		}
		a.Paid, err = paidBetween(ctx, tx, actor.Organisation, d.From, today)
		return err
	})
	return a, err
}

func partyOf(o identity.Organisation) documents.Party {
	return documents.Party{Name: o.Name, Address: []string{o.Street, o.Postcode + " " + o.Town}, SIRET: o.SIRET}
}

// Days are the days of the week on which settlements are closed, Sunday first.
func (s *Service) Days() [7]bool {
	if s.policy.Days == (Calendar{}) {
		return Calendar{2: true}
	}
	return s.policy.Days
}
