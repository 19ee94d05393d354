package sepa

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/passerelle/passerelle/vouchers"
	"pgregory.net/rapid"
)

// bankDay is what the demonstration's bank answers: a transfer received, a settlement
// booked as one, one payout back.
func bankDay(t testing.TB) StatementFile {
	booked := day(t, "2026-03-11")
	at := time.Date(2026, 3, 11, 21, 0, 0, 0, time.UTC)
	return StatementFile{MessageID: "BANK-32", CreatedAt: at, Statements: []Statement{{
		ID: "SEGREGATED-32", Kind: KindStatement, Account: frenchIBAN, CreatedAt: at,
		From: at.Add(-21 * time.Hour), To: at,
		Opening: &Balance{Day: booked, Amount: -10_00},
		Closing: &Balance{Day: booked, Amount: 440_00},
		Entries: []Entry{
			{
				Reference: "IN-1", BankReference: "B-1", Status: "BOOK", Booked: booked, ValueDate: booked, Amount: 500_00, Credit: true,
				Code: BankCode{Domain: "PMNT", Family: "RCDT", SubFamily: "ESCT", Proprietary: "05"},
				Transactions: []Transaction{{
					EndToEndID: "ORDER-12", Amount: 500_00, Counterparty: Counterparty{Name: "Département du Rhône", IBAN: postalIBAN},
					Remittance: "Commande <12> & merci", CreditorReference: "RF35PASS12",
				}},
			},
			{
				Reference: "OUT-1", Status: "BOOK", Booked: booked, ValueDate: booked.AddDays(1), Amount: 90_00,
				Transactions: []Transaction{
					{EndToEndID: "PAYOUT-1", InstructionID: "7/1", MessageID: "SETTLEMENT-7", PaymentID: "SETTLEMENT-7", Amount: 50_00},
					{EndToEndID: "PAYOUT-2", Amount: 40_00, Counterparty: Counterparty{Name: "Wörkshop", IBAN: germanIBAN}},
				},
			},
			{
				Reference: "BACK-1", Status: "BOOK", Booked: booked, ValueDate: booked, Amount: 40_00, Credit: true, Reversal: true,
				Transactions: []Transaction{{
					EndToEndID: "PAYOUT-2", OriginalEndToEndID: "PAYOUT-2", ReturnReason: "AC04", Amount: 40_00,
					Counterparty: Counterparty{Name: "Wörkshop", IBAN: germanIBAN},
				}},
			},
		},
		Pending: []Entry{{Reference: "SOON-1", Status: "PDNG", Amount: 1, Transactions: []Transaction{{Amount: 1}}}},
	}}}
}

func TestStatementsAreWrittenAsTheSchemaSays(t *testing.T) {
	t.Parallel()
	var first, second bytes.Buffer
	if err := errors.Join(WriteStatements(&first, bankDay(t)), WriteStatements(&second, bankDay(t))); err != nil {
		t.Fatal(err)
	}
	golden(t, "camt053-written.xml", first.Bytes())
	followsSchema(t, "camt.053.001.08", first.Bytes())
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("written again, the file differs")
	}
	statements, err := ReadStatements(&first)
	if err != nil || !reflect.DeepEqual(statements, bankDay(t).Statements) {
		t.Errorf("read back as %+v, %v", statements, err)
	}
	wantFault(t, statements[0].CheckBalances(), "")
}

func TestAStatementWithoutBalancesIsNotWritten(t *testing.T) {
	t.Parallel()
	for _, spoil := range []func(*Statement){
		func(s *Statement) { s.Opening = nil }, func(s *Statement) { s.Closing = nil },
		func(s *Statement) { s.Kind = KindNotification },
	} {
		file := bankDay(t)
		spoil(&file.Statements[0])
		var out bytes.Buffer
		if err := WriteStatements(&out, file); err == nil || out.Len() > 0 {
			t.Errorf("%v after %d bytes", err, out.Len())
		}
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		file := StatementFile{
			MessageID:  "M",
			CreatedAt:  time.Unix(1_800_000_000, 0),
			Statements: rapid.SliceOfN(rapid.Custom(drawStatement), 1, 3).Draw(t, "statements"),
		}
		var out bytes.Buffer
		if err := WriteStatements(&out, file); err != nil {
			t.Fatal(err)
		}
		read, err := ReadStatements(bytes.NewReader(out.Bytes()))
		if err != nil || !reflect.DeepEqual(read, file.Statements) {
			t.Fatalf("%v\nwrote %+v\nread  %+v", err, file.Statements, read)
		}
	})
}

var (
	ids   = rapid.StringMatching(`[A-Z0-9][A-Z0-9/-]{0,33}[A-Z0-9]`)
	maybe = rapid.OneOf(rapid.Just(""), ids)
	texts = rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[\pL&<>"'][\pL\pN &<>"']{0,60}\pL`))
	days  = rapid.Custom(func(t *rapid.T) vouchers.Day { return vouchers.Day(rapid.IntRange(1, 5000).Draw(t, "day")) })
	ibans = rapid.SampledFrom([]IBAN{"", postalIBAN, germanIBAN})
)

func drawStatement(t *rapid.T) Statement {
	balance := func(name string) *Balance {
		return &Balance{Day: days.Draw(t, name), Amount: vouchers.Cents(rapid.Int64Range(-1_000_000, 1_000_000).Draw(t, name))}
	}
	s := Statement{
		ID: ids.Draw(t, "id"), Kind: KindStatement, Account: frenchIBAN,
		CreatedAt: time.Unix(rapid.Int64Range(0, 4_000_000_000).Draw(t, "created"), 0).UTC(),
		Opening:   balance("opening"), Closing: balance("closing"),
	}
	for range rapid.IntRange(0, 4).Draw(t, "entries") {
		if e := drawEntry(t); e.Status == "BOOK" {
			s.Entries = append(s.Entries, e)
		} else {
			s.Pending = append(s.Pending, e)
		}
	}
	return s
}

func drawEntry(t *rapid.T) Entry {
	e := Entry{
		Reference: ids.Draw(t, "reference"), BankReference: maybe.Draw(t, "bank reference"),
		Status: rapid.SampledFrom([]string{"BOOK", "PDNG", "INFO"}).Draw(t, "status"),
		Booked: days.Draw(t, "booked"), ValueDate: days.Draw(t, "value date"),
		Credit: rapid.Bool().Draw(t, "credit"), Reversal: rapid.Bool().Draw(t, "reversal"),
		Code: rapid.SampledFrom([]BankCode{{}, {"PMNT", "ICDT", "ESCT", ""}, {Proprietary: "05"}}).Draw(t, "code"),
	}
	for range rapid.IntRange(1, 3).Draw(t, "transactions") {
		tx := Transaction{
			EndToEndID: maybe.Draw(t, "end to end"), InstructionID: maybe.Draw(t, "instruction"),
			MessageID: maybe.Draw(t, "message"), PaymentID: maybe.Draw(t, "payment"),
			Count:        rapid.SampledFrom([]int{0, 0, 1, 120}).Draw(t, "count"),
			Amount:       vouchers.Cents(rapid.Int64Range(0, 1_000_000).Draw(t, "amount")),
			Counterparty: Counterparty{Name: texts.Draw(t, "name"), IBAN: ibans.Draw(t, "iban")},
			Remittance:   texts.Draw(t, "remittance"), CreditorReference: maybe.Draw(t, "creditor reference"),
			ReturnReason: rapid.SampledFrom([]string{"", "AC04", "MS03"}).Draw(t, "reason"),
		}
		if tx.ReturnReason != "" || e.Reversal {
			tx.OriginalEndToEndID = tx.EndToEndID
		}
		e.Amount += tx.Amount
		e.Transactions = append(e.Transactions, tx)
	}
	return e
}
