package app

import (
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// proves takes the proofs of what happened, and checks them with what is public alone.
func (s *city) proves(nobody, structure, funder *citizen) {
	s.t.Helper()
	structure.gets("/transfers/1/proof").refuses(404, "not_found")
	var fresh int64
	err := s.program.store.InTx(s.t.Context(), func(tx *db.Tx) error {
		return errors.Join(ledger.RollUp(s.t.Context(), tx), tx.Get(s.t.Context(), &fresh, `SELECT max(id) FROM transfers WHERE campaign_id <> 0`))
	})
	if err == nil {
		funder.gets(fmt.Sprintf("/transfers/%d/proof", fresh)).refuses(409, "not_sealed")
		err = s.program.seals.Seal(s.t.Context())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	answer := nobody.gets("/seals").wants(200)
	seals := answer.items("items")
	if len(seals) == 0 || seals[len(seals)-1]["from"] != 1. {
		s.t.Fatalf("%s", answer.text)
	}
	key, err := base64.StdEncoding.DecodeString(answer.object["key"].(map[string]any)["ed25519"].(string))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, who := range []*citizen{structure, funder} {
		proofs, err := vouchers.ParseProofs(who.gets("/proofs?seal=1").wants(200).text)
		if err != nil || len(proofs) == 0 {
			s.t.Fatalf("%d proofs, %v", len(proofs), err)
		}
		for _, p := range proofs {
			if err := p.Check(key); err != nil {
				s.t.Errorf("transfer %d: %v", p.Line.Transfer, err)
			}
		}
		who.gets(fmt.Sprintf("/transfers/%d/proof", proofs[0].Line.Transfer)).wants(200).is("format", `"passerelle-proof-1"`)
	}
	structure.gets("/proofs?seal=1&after=100000").wants(200)
	structure.gets("/proofs?seal=0").refuses(422, "invalid_input")
	structure.gets("/proofs?seal=99").refuses(404, "not_found")
	nobody.gets("/proofs?seal=1").refuses(401, "unauthenticated")
}
