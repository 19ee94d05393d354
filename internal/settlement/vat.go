package settlement

import (
	"context"
	"fmt"
	"slices"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// VATRegime is what a structure says of VAT: liable, franchise (article 293 B of the code
// général des impôts), exempt (article 261) or "", nothing.
type VATRegime struct {
	Regime string `json:"vat_regime" form:"vat_regime"`
}

// SetVAT says what the statements of the actor's structure tell of VAT, those of before too.
// Its fault is vat_regime.
func (s *Service) SetVAT(ctx context.Context, actor identity.Actor, req VATRegime) (VATRegime, error) {
	if err := actor.Needs(identity.Structure, identity.Finance); err != nil {
		return VATRegime{}, err
	}
	if !slices.Contains([]string{"", "liable", "franchise", "exempt"}, req.Regime) {
		return VATRegime{}, fault.New(fault.Invalid, "vat_regime", "field", "vat_regime")
	}
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := once.Do(ctx, tx, actor.Organisation, "set_vat", req, func() (VATRegime, error) {
			before, err := identity.OrganisationOf(ctx, tx, actor.Organisation)
			if err != nil || before.VAT == req.Regime {
				return req, err
			}
			if err := identity.SetVAT(ctx, tx, actor.Organisation, req.Regime); err != nil {
				return req, err
			}
			return req, audit.Record(ctx, tx, actor, "vat_regime_changed", fmt.Sprintf("organisation:%d", actor.Organisation),
				VATRegime{before.VAT}, req)
		})
		return err
	})
	return req, err
}

// standardRate is the VAT on mediation by whoever owes it: 20 % (article 278 of the CGI).
const standardRate = 20

// vatIn is the VAT that an amount holds, to the nearest cent.
func vatIn(amount vouchers.Cents) vouchers.Cents {
	return (amount*standardRate*2 + 100 + standardRate) / (2 * (100 + standardRate))
}
