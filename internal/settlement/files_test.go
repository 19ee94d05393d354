package settlement

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// at is the room of an operator whose bank asks for something else.
func (b bundle) at(bank Profile) bundle {
	debtor := payer
	debtor.Profile = bank
	b.Service = New(b.DB.WithoutRetries(), debtor, b.notify)
	return b
}

func (b bundle) fetches(id vouchers.SettlementID, number int) (File, []byte) {
	b.t.Helper()
	var file bytes.Buffer
	f, err := b.File(b.t.Context(), b.Operator, id, number, &file)
	b.ok(err)
	return f, file.Bytes()
}

func TestFilesAreTheSameAMonthLaterWhateverHasChanged(t *testing.T) {
	t.Parallel()
	for _, bank := range []Profile{
		{Version: sepa.Version09, Limit: 2},
		{Version: sepa.Version03, Purpose: "GOVT", Batch: true, Limit: 2},
	} {
		t.Run(string(bank.Version), func(t *testing.T) {
			t.Parallel()
			b := setup(t).at(bank)
			booklet := b.HandOver(b.Campaign, 10)
			structures := []identity.Actor{b.Structure.Actor}
			b.Redeem(b.Structure, booklet, 1)
			for _, name := range []string{"Médiathèque de Cluses", "Œuvre d’Évian"} {
				s := b.NewStructure(name)
				structures = append(structures, s.Actor)
				b.Redeem(s, booklet, 2)
			}
			d := b.settles()
			before := b.filesOf(d, bank)

			b.Clock.Add(31 * 24 * time.Hour)
			b.InTx(func(tx *db.Tx) error {
				_, err := tx.Exec(t.Context(), `UPDATE organisations SET name = 'Autre', street = 'Ailleurs', postcode = '1', town = 'Paris'`)
				return err
			})
			for _, s := range structures {
				b.SetBank(s)
			}
			b.books(d.List[0])
			b.reject("PSL1-" + fmt.Sprint(d.List[1].Structure))
			moved := Debtor{Name: "Autre", IBAN: "DE89370400440532013000", Town: "Köln", Profile: Profile{Limit: 1, Batch: !bank.Batch}}
			b.Service = New(b.DB, moved, b.notify)
			for i, old := range before {
				if _, file := b.fetches(d.ID, i+1); !bytes.Equal(file, old) {
					t.Errorf("file %d is another one", i+1)
				}
			}
		})
	}
}

// filesOf fetches the two files of a settlement of three payouts and checks what they say.
func (b bundle) filesOf(d Detail, bank Profile) [][]byte {
	b.t.Helper()
	if d.Batch != bank.Batch || len(d.Files) != 2 || d.Files[0].Payouts != 2 || d.Files[1].Payouts != 1 || d.Files[0].Total+d.Files[1].Total != d.Total {
		b.t.Fatalf("files: %+v", d.Files)
	}
	var all [][]byte
	whole := sha256.New()
	for i, f := range d.Files {
		told, file := b.fetches(d.ID, i+1)
		sum := sha256.Sum256(file)
		whole.Write(file)
		if f.TakenAt = told.TakenAt; told != f || f.MessageID != fmt.Sprintf("PSL1F%d", i+1) || f.SHA256 != hex.EncodeToString(sum[:]) {
			b.t.Errorf("file %d is %+v, taken as %+v", i+1, f, told)
		}
		followsSchema(b.t.(*testing.T), string(bank.Version), file)
		for _, want := range []string{"<MsgId>" + f.MessageID + "</MsgId>", "<PmtInfId>" + f.MessageID + "</PmtInfId>", fmt.Sprintf("<NbOfTxs>%d</NbOfTxs>", f.Payouts),
			fmt.Sprintf("<CtrlSum>%s</CtrlSum>", f.Total), fmt.Sprintf("<BtchBookg>%v</BtchBookg>", bank.Batch)} {
			if !bytes.Contains(file, []byte(want)) {
				b.t.Errorf("%s is not in file %d", want, i+1)
			}
		}
		if bytes.Contains(file, []byte("<CtgyPurp>")) != (bank.Purpose != "") {
			b.t.Errorf("file %d: %s", i+1, file)
		}
		all = append(all, file)
	}
	if hex.EncodeToString(whole.Sum(nil)) != d.SHA256 {
		b.t.Error("what was approved is not all that leaves")
	}
	return all
}

func (b bundle) reject(name string) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		_, err := b.Reject(b.t.Context(), tx, name, "AC04")
		return err
	})
}

func TestASettlementOfSeveralFilesIsFetchedFileByFile(t *testing.T) {
	t.Parallel()
	b := setup(t).at(Profile{Limit: 1})
	booklet := b.HandOver(b.Campaign, 10)
	b.Redeem(b.Structure, booklet, 1)
	b.Redeem(b.NewStructure("Cluses"), booklet, 2)
	d := b.settles()
	for number, code := range map[int]string{0: "settlement_has_files", 3: "not_found", -1: "not_found"} {
		var out bytes.Buffer
		_, err := b.File(t.Context(), b.Operator, d.ID, number, &out)
		if b.refused(err, code); out.Len() > 0 {
			t.Errorf("file %d: %d bytes", number, out.Len())
		}
	}
	b.InTx(func(tx *db.Tx) error {
		for i, p := range d.Files {
			sent, err := b.Sent(t.Context(), tx, p.MessageID)
			if err != nil || len(sent) != 1 || sent[0].Amount != p.Total {
				t.Errorf("file %d orders %+v, %v", i+1, sent, err)
			}
		}
		sent, err := b.Sent(t.Context(), tx, d.MessageID)
		if len(sent) > 0 {
			t.Errorf("no file is named %s, and it orders %+v", d.MessageID, sent)
		}
		return err
	})
	b.fetches(d.ID, 1)
	_, err := b.Send(t.Context(), b.Operator, d.ID)
	b.refused(err, "settlement_not_taken")
	if files := b.opens(d.ID).Files; files[0].TakenAt == nil || files[1].TakenAt != nil {
		t.Errorf("taken: %+v", files)
	}
	b.fetches(d.ID, 2)
	sent, err := b.Send(t.Context(), b.Operator, d.ID)
	if b.ok(err); sent.State != Sent {
		t.Errorf("sent: %+v", sent)
	}
	// One file is changed, and none leaves any more: they were approved together.
	b.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE payouts SET holder = 'Autre' WHERE file_number = 2`)
		return err
	})
	for number := range 2 {
		var out bytes.Buffer
		if _, err := b.File(t.Context(), b.Operator, d.ID, number+1, &out); err == nil || fault.Code(err) != "" || out.Len() > 0 {
			t.Errorf("file %d goes out: %v", number+1, err)
		}
	}
}

// A program that knows no files of several, nor hybrid addresses, may close settlements while
// another node runs this one.
func TestASettlementOfAnOlderProgramKeepsItsFile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 1)
	d := b.settles()
	b.InTx(func(tx *db.Tx) error {
		if _, err := tx.Exec(t.Context(), `DELETE FROM settlement_files`); err != nil {
			return err
		}
		if _, err := tx.Exec(t.Context(), `UPDATE settlements SET file_layout = 1`); err != nil {
			return err
		}
		whole, _, err := FileOf(t.Context(), tx, d.ID)
		if err != nil {
			return err
		}
		return storeHash(t.Context(), tx, d.ID, whole)
	})
	f, file := b.fetches(d.ID, 0)
	if f.Number != 1 || f.MessageID != "PSL1" || f.Payouts != 1 || f.SHA256 == d.SHA256 || !bytes.Contains(file, []byte("<StrtNm>1 place de la Mairie</StrtNm>")) {
		t.Errorf("%+v: %s", f, file)
	}
	b.InTx(func(tx *db.Tx) error {
		sent, err := b.Sent(t.Context(), tx, "PSL1")
		if len(sent) != 1 {
			t.Errorf("sent: %+v", sent)
		}
		return err
	})
}

func TestAPayoutKeepsTheNameAsItWasGiven(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.NewStructure("Médiathèque & L’Œuvre")
	b.Redeem(s, b.HandOver(b.Campaign, 10), 1)
	d := b.settles()
	if p := d.List[0]; p.Holder != "Médiathèque & L’Œuvre" || p.HolderInFile != "Mediatheque + L'Oeuvre" || p.File != 1 {
		t.Errorf("payout %+v", p)
	}
	if file := b.file(d.ID); !bytes.Contains(file, []byte("<Nm>Mediatheque + L&#39;Oeuvre</Nm>")) {
		t.Errorf("%s", file)
	}
}

func TestANameOfWhichNothingIsLeftIsHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.NewStructure("漢字")
	b.Redeem(s, b.HandOver(b.Campaign, 10), 1)
	preview, err := b.Preview(t.Context(), b.Operator)
	b.ok(err)
	if preview.Payouts != 0 || len(preview.Held) != 1 || preview.Held[0].Reason != "transfer_name_missing" {
		t.Errorf("%+v", preview)
	}
}
