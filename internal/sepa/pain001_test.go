package sepa

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

func day(t testing.TB, text string) vouchers.Day {
	t.Helper()
	d, err := vouchers.ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// settlement is an order with one full and one bare payment.
func settlement(t testing.TB) Initiation {
	return Initiation{
		MessageID:     "SETTLEMENT-7",
		CreatedAt:     time.Date(2026, 3, 10, 9, 30, 15, 999, time.FixedZone("Paris", 3600)),
		Initiator:     "Passerelle",
		Debtor:        Party{Name: "Passerelle – fonds cantonnés", IBAN: frenchIBAN, Address: Address{PostCode: "69003", Town: "Lyon", Country: "FR"}},
		ExecutionDate: day(t, "2026-03-11"),
		Batch:         true,
		Payments: []Payment{
			{
				EndToEndID: "PAYOUT-1", InstructionID: "7/1", Amount: 1250_00,
				Creditor: Party{
					Name: "L’Œuvre numérique & Cie", IBAN: postalIBAN, BIC: "PSSTFRPPLYO",
					Address: Address{Street: "rue de l’Évêché", Building: "12 bis", PostCode: "69005", Town: "Lyon", Country: "FR"},
				},
				Remittance: "Chèques encaissés du 1er au 7 mars",
			},
			{
				EndToEndID: "PAYOUT-2", Amount: 1,
				Creditor: Party{Name: "Wörkshop", IBAN: germanIBAN, Address: Address{Town: "Köln", Country: "DE"}},
			},
		},
	}
}

func TestOrdersAreWrittenAsTheSchemaSays(t *testing.T) {
	t.Parallel()
	plain := settlement(t)
	banked := settlement(t)
	banked.Debtor.BIC, banked.CategoryPurpose, banked.Batch = "AGRIFRPP", "SUPP", false
	banked.Payments = banked.Payments[1:]
	older, olderBanked := plain, banked
	older.Version, olderBanked.Version = Version03, Version03
	older.Payments = slices.Clone(plain.Payments)
	older.Payments[1].Creditor.BIC = "C0BADEFF" // a BIC since 2014, and none of version 03: left out
	for name, in := range map[string]Initiation{"pain001-batch.xml": plain, "pain001-bic-purpose.xml": banked,
		"pain001-03-batch.xml": older, "pain001-03-bic-purpose.xml": olderBanked} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first, second bytes.Buffer
			if err := errors.Join(WriteInitiation(&first, in), WriteInitiation(&second, in)); err != nil {
				t.Fatal(err)
			}
			golden(t, name, first.Bytes())
			followsSchema(t, "pain.001.001."+cmp.Or(string(in.Version), "09"), first.Bytes())
			if !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Error("written again, the file differs")
			}
		})
	}
}

func TestOrdersThatABankWouldRefuseAreNotWritten(t *testing.T) {
	t.Parallel()
	for code, spoil := range map[string]func(*Initiation){
		"transfer_file_identifier":   func(in *Initiation) { in.MessageID = strings.Repeat("A", 36) },
		"transfer_file_version":      func(in *Initiation) { in.Version = "08" },
		"transfer_file_undated":      func(in *Initiation) { in.ExecutionDate = 0 },
		"transfer_file_empty":        func(in *Initiation) { in.Payments = nil },
		"transfer_purpose":           func(in *Initiation) { in.CategoryPurpose = "supplier" },
		"transfer_identifier":        func(in *Initiation) { in.Payments[1].EndToEndID = "É" },
		"transfer_duplicate":         func(in *Initiation) { in.Payments[1].EndToEndID = "PAYOUT-1" },
		"transfer_amount":            func(in *Initiation) { in.Payments[1].Amount = 0 },
		"transfer_name_missing":      func(in *Initiation) { in.Payments[1].Creditor.Name = " 漢 " },
		"transfer_address_lines":     func(in *Initiation) { in.Payments[1].Creditor.Address.Lines = []string{"a", "b", "c"} },
		"transfer_town_missing":      func(in *Initiation) { in.Payments[1].Creditor.Address.Town = "" },
		"transfer_country_missing":   func(in *Initiation) { in.Payments[1].Creditor.Address.Country = "" },
		"transfer_bic":               func(in *Initiation) { in.Payments[1].Creditor.BIC = "X" },
		"transfer_iban":              func(in *Initiation) { in.Debtor.IBAN = "fr7630006000011234567890189" },
		"transfer_iban_outside_sepa": func(in *Initiation) { in.Payments[1].Creditor.IBAN = "BR1800360305000010009795493C1" },
	} {
		in := settlement(t)
		spoil(&in)
		var out bytes.Buffer
		wantFault(t, WriteInitiation(&out, in), code)
		if out.Len() > 0 {
			t.Errorf("%s: %d bytes were written", code, out.Len())
		}
	}
}

func TestIdentifiersKeepToWhatBanksAccept(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"A": true, "PAYOUT-1/2": true, strings.Repeat("9", 35): true,
		"": false, strings.Repeat("9", 36): false, "/A": false, "A/": false, "A//B": false, "A_B": false, " A": false, "A  B": false,
	} {
		if validIdentifier(id) != want {
			t.Errorf("%q: accepted %v", id, !want)
		}
	}
}

func TestAmountsKeepToTheSchemesLimit(t *testing.T) {
	t.Parallel()
	for amount, code := range map[vouchers.Cents]string{-1: "transfer_amount", 1: "", maxTransfer: "", maxTransfer + 1: "transfer_amount"} {
		p := settlement(t).Payments[0]
		p.Amount = amount
		wantFault(t, p.Validate(), code)
	}
}

// chunks counts what arrives and remembers the longest write.
type chunks struct{ writes, longest, total int }

func (c *chunks) Write(p []byte) (int, error) {
	c.writes++
	c.total += len(p)
	c.longest = max(c.longest, len(p))
	return len(p), nil
}

func TestLongOrdersAreStreamed(t *testing.T) {
	t.Parallel()
	in := settlement(t)
	model := in.Payments[0]
	in.Payments = nil
	for i := range 3000 {
		model.EndToEndID = fmt.Sprintf("P-%d", i)
		in.Payments = append(in.Payments, model)
	}
	var out chunks
	if err := WriteInitiation(&out, in); err != nil {
		t.Fatal(err)
	}
	if out.longest > 64<<10 || out.writes > 2+out.total/(16<<10) {
		t.Errorf("%d bytes in %d writes, the longest %d", out.total, out.writes, out.longest)
	}
}

type brokenWriter struct{}

var errBroken = errors.New("disk full")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestAFailingWriterIsReported(t *testing.T) {
	t.Parallel()
	if err := WriteInitiation(brokenWriter{}, settlement(t)); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}
