package accounting

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

var update = flag.Bool("update", false, "write the golden file again")

const siret = "12345678200010"

type bundle struct {
	*world.World
	*Service
	t *testing.T
}

func setup(t *testing.T) bundle {
	t.Helper()
	w := world.New(t)
	return bundle{w, New(w.DB, siret), t}
}

func (b bundle) post(at time.Time, transfers ...ledger.Transfer) {
	b.t.Helper()
	b.Clock.Set(at)
	b.InTx(func(tx *db.Tx) error { return ledger.Post(b.t.Context(), tx, transfers...) })
}

func (b bundle) fec(year int) []byte {
	b.t.Helper()
	var file bytes.Buffer
	if err := b.FEC(b.t.Context(), b.Operator, year, &file); err != nil {
		b.t.Fatal(err)
	}
	return file.Bytes()
}

// sound writes a year's file and has it checked.
func (b bundle) sound(year int) *checked {
	b.t.Helper()
	c := check(b.FileName(year), b.fec(year))
	if len(c.faults) != 0 {
		b.t.Fatalf("the file of %d:\n%s", year, strings.Join(c.faults, "\n"))
	}
	return c
}

// noon is midday in Paris.
func noon(year int, month time.Month, day int) time.Time {
	return vouchers.DayOf(time.Date(year, month, day, 12, 0, 0, 0, time.UTC)).Time().Add(12 * time.Hour)
}

// A year in the books: cash for a campaign, a booklet, a redemption, fees with VAT, and
// what the following year takes over.
func TestAYearIsWrittenAsTheTaxOfficerReadsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	booklet := b.HandOver(b.Campaign, 10)
	b.Redeem(b.Structure, booklet, 2)
	funder := b.Funder.Organisation
	b.post(noon(2026, time.November, 2), ledger.FeesInvoiced(7, funder, 100_00, 20_00)...)
	b.post(noon(2026, time.November, 9), ledger.FeesPaid(9, funder, 120_00)...)
	b.post(noon(2027, time.January, 4), ledger.DebtForgiven(1, funder, 3_50)...)

	if c := b.sound(2026); c.entries != 5 || c.debits["512100"] != 10_000_00 || c.debits["467120C000001"] != -80_00 || c.debits["706000"] != -100_00 {
		t.Errorf("2026: %d entries, %v", c.entries, c.debits)
	}
	next := b.sound(2027)
	if next.opening["512100"] != 10_000_00 || next.opening["512200"] != 120_00 || next.opening["445710"] != -20_00 || next.opening["120000"] != -100_00 {
		t.Errorf("2027 takes over %v", next.opening)
	}
	if _, there := next.opening["706000"]; there || next.entries != 2 {
		t.Errorf("2027 takes a product over, or has %d entries", next.entries)
	}
	file := append(b.fec(2026), b.fec(2027)...)
	if *update {
		if err := os.WriteFile("testdata/fec.txt", file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile("testdata/fec.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, golden) {
		t.Errorf("differs from testdata/fec.txt (go test -update writes it again); got:\n%s", file)
	}
}

func TestAnEntryIsTogetherEvenWhereAnotherOneCameBetween(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Clock.Set(noon(2027, time.March, 1))
	settled := ledger.FeesInvoiced(8, b.Funder.Organisation, 10_00, 2_00)
	late := ledger.FeesPaid(8, b.Funder.Organisation, 1_00)
	for _, leg := range []ledger.Transfer{settled[0], late[0], settled[1]} {
		b.post(b.Clock.Now(), leg)
	}
	if c := b.sound(2027); c.entries != 3 { // what 2027 takes over, the invoice, the payment
		t.Errorf("%d entries", c.entries)
	}
}

func TestAnEntryOfNewYearsNightIsOfItsYearInParis(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC), ledger.OperatingMoved(1, 4_00)...)
	if c := b.sound(2026); c.debits["512200"] != 0 {
		t.Error("half past midnight in Paris is in the old year")
	}
	if c := b.sound(2027); c.debits["512200"] != 4_00 || c.opening["512200"] != 0 {
		t.Errorf("2027: %v", c.debits)
	}
}

func TestWordsOfOtherScriptsAreSpelledOut(t *testing.T) {
	t.Parallel()
	got := string(appendLatin9(nil, "L’œuvre\tn° 1 à 5 €\n\u202fΑθήνα"))
	if want := "L'\xbduvre n\xb0 1 \xe0 5 \xa4  Athina"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTheBooksAreForTheOperatorsFinance(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reader := b.Operator
	reader.Role = identity.Reader
	token := b.Operator
	token.Scopes = []string{"orders"}
	for _, who := range []identity.Actor{b.Funder, b.Structure.Actor, reader, token, {}} {
		for name, err := range map[string]error{
			"years":   second(b.Years(t.Context(), who)),
			"file":    b.FEC(t.Context(), who, 2026, &bytes.Buffer{}),
			"journal": b.Journal(t.Context(), who, Period{}, nil),
		} {
			if code := fault.Code(err); code != "forbidden" && code != "scope_missing" && code != "unauthenticated" {
				t.Errorf("%s: %s %s: %v", name, who.Kind, who.Role, err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestAFileThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.FEC(t.Context(), b.Operator, 2025, &bytes.Buffer{}); fault.Code(err) != "year_without_entries" {
		t.Errorf("a year before the first: %v", err)
	}
	if err := New(b.DB, "").FEC(t.Context(), b.Operator, 2026, &bytes.Buffer{}); fault.Code(err) != "operator_siret_unknown" {
		t.Errorf("nobody's file: %v", err)
	}
	day := vouchers.DayOf(b.Clock.Now())
	for _, p := range []Period{{day, day.AddDays(-1)}, {day, day.AddDays(365)}} {
		if err := b.Journal(t.Context(), b.Operator, p, nil); fault.Code(err) != "journal_period" {
			t.Errorf("%v: %v", p, err)
		}
	}
}

func TestAJournalKeepsTheNumbersOfTheYear(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(noon(2026, time.May, 4), ledger.OperatingMoved(1, 4_00)...)
	b.post(noon(2026, time.May, 5), ledger.OperatingMoved(2, 5_00)...)
	b.post(noon(2026, time.May, 6), ledger.OperatingMoved(3, 6_00)...)
	on := vouchers.DayOf(noon(2026, time.May, 5))
	var got []Line
	err := b.Journal(t.Context(), b.Operator, Period{on, on}, func(l Line) error { got = append(got, l); return nil })
	if err != nil || len(got) != 2 || got[0].Entry != 3 || got[0].Debit != 5_00 || got[0].Account != "512200" || got[1].Credit != 5_00 ||
		got[0].JournalName() != "Banque, compte d'exploitation" {
		t.Errorf("%v: %+v", err, got)
	}
	years, err := b.Years(t.Context(), b.Operator)
	if err != nil || !slices.Equal(years, []Year{{2026, false}}) {
		t.Errorf("%v: %v", err, years)
	}
}

func TestABankLineIsProvenByItsStatement(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text := string(b.fec(2026))
	if !strings.Contains(text, "\tPremiers pas 2026\t7/1\t20260309\tPaiement re\xe7u\t0,00\t10000,00\t") {
		t.Errorf("%q", text)
	}
}

func TestEveryEventHasItsJournal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var rule string
	b.InTx(func(tx *db.Tx) error {
		return tx.Get(t.Context(), &rule, `SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'transfers_event'`)
	})
	events := regexp.MustCompile(`'(\w+)'::text`).FindAllStringSubmatch(rule, -1)
	if len(events) < 39 {
		t.Fatalf("only %d events: the search itself is broken", len(events))
	}
	for _, event := range events {
		k, there := kinds[ledger.Event(event[1])]
		if !there || journals[k.journal] == "" || k.words == "" {
			t.Errorf("%s: give it a journal and words in kinds", event[1])
		}
	}
	if len(kinds) != len(events) {
		t.Errorf("%d kinds for %d events", len(kinds), len(events))
	}
}
