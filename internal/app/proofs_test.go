package app

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/seals"
)

func TestAFunderChecksItsLinesWithAFileAlone(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.Redeem(w.Structure, w.HandOver(w.Campaign, 10), 2)
	w.InTx(func(tx *db.Tx) error { return ledger.RollUp(t.Context(), tx) })
	room := seals.New(w.DB, w.Keys)
	if err := room.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	proofs, _, err := room.Proofs(t.Context(), w.Funder, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(proofs, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := base64.StdEncoding.EncodeToString(proofs[0].Seal.PublicKey), base64.StdEncoding.EncodeToString(make([]byte, 32))
	for what, c := range map[string]struct {
		file string
		keys []string
		says []string // on the screen
		err  string
	}{
		"the file alone": {string(text), nil, []string{"proven: transfer 3", "redemption, 20.00, debit campaign:", ", credit structure:", "line 3 of the 3 of seal 1", "signed with " + ours}, ""},
		"with the key":   {string(text), []string{theirs, ours}, []string{"proven: transfer 1 "}, ""},
		"another's key":  {string(text), []string{theirs}, nil, "signed by another key"},
		"no key at all":  {string(text), []string{"abc"}, nil, `"abc" is not a public key`},
		"an amount that was changed": {strings.Replace(string(text), `"amount_cents": 2000`, `"amount_cents": 3000`, 1), nil,
			[]string{"proven: transfer 1 "}, "proof 3, transfer 3: the line is not one of those that were sealed"},
		"a seal that was changed": {strings.ReplaceAll(string(text), `"seal": 1`, `"seal": 2`), nil, nil, "the seal was changed after it was signed"},
		"a file without a line":   {"[]", nil, nil, "this file has no line"},
		"half a file":             {string(text[:200]), nil, nil, "not a file of proofs"},
		"a later version":         {strings.ReplaceAll(string(text), "proof-1", "proof-2"), nil, nil, "a newer passerelle"},
	} {
		var out bytes.Buffer
		err := CheckProofs(strings.NewReader(c.file), c.keys, &out)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v, want %q", what, err, c.err)
		}
		for _, want := range c.says {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: %q is not in %s", what, want, out.String())
			}
		}
		if strings.Contains(out.String(), "signed with") != (what == "the file alone") {
			t.Errorf("%s: %s", what, out.String())
		}
	}
}
