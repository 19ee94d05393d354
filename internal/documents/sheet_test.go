package documents

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/xuri/excelize/v2"

	"github.com/passerelle/passerelle/vouchers"
)

func sampleSheet(t *testing.T) Sheet {
	t.Helper()
	moment := time.Date(2027, 1, 12, 13, 30, 0, 0, time.UTC)
	return Sheet{
		Name:    "Encaissements",
		Columns: []Column{{"Lieu", Text}, {"Chèques", Integer}, {"Montant", Money}, {"Jour", Date}, {"Instant", Moment}},
		Rows: [][]Cell{
			{TextCell("Thônes ; « Fil »\n2e ligne"), IntegerCell(-2), MoneyCell(-1250), DateCell(day(t, "2027-03-28")), MomentCell(moment)},
			{TextCell("=1+1"), IntegerCell(1500), MoneyCell(125000), DateCell(day(t, "2026-10-25")), TextCell("inconnu")},
		},
	}
}

func csvOf(t *testing.T, s Sheet) string {
	t.Helper()
	return string(written(t, func(out io.Writer) error { return WriteCSV(out, s) }))
}

func TestCSVOpensInAFrenchSpreadsheet(t *testing.T) {
	t.Parallel()
	want := "\ufeffLieu;Chèques;Montant;Jour;Instant\r\n" +
		"\"Thônes ; « Fil »\r\n2e ligne\";-2;-12,50;2027-03-28;2027-01-12 14:30\r\n" +
		"'=1+1;1500;1250,00;2026-10-25;inconnu\r\n"
	if got := csvOf(t, sampleSheet(t)); got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func FuzzCSVNeverHoldsAFormula(f *testing.F) {
	for _, seed := range []string{"=1+1", "+33", "-1", "@a", "\t=1", "\r=1", "\x00=1", " =1", "\u200b=1", "＝1", "a;b\"c\nd", "été", "\xff", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := Sheet{Columns: []Column{{text, Text}, {"n", Money}}, Rows: [][]Cell{{TextCell(text), MoneyCell(-1)}}}
		var out bytes.Buffer
		if err := WriteCSV(&out, s); err != nil {
			t.Fatal(err)
		}
		r := csv.NewReader(strings.NewReader(strings.TrimPrefix(out.String(), "\ufeff")))
		r.Comma = ';'
		records, err := r.ReadAll()
		if err != nil || len(records) != 2 {
			t.Fatalf("%d records, %v: %q", len(records), err, out.String())
		}
		valid := strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\r", "")
		for _, record := range records {
			got := record[0]
			if first := strings.TrimLeftFunc(got, unicode.IsSpace); first != "" && strings.ContainsRune("=+-@", rune(first[0])) {
				t.Errorf("%q became the formula %q", text, got)
			}
			if got != valid && got != "'"+valid {
				t.Errorf("%q became %q", text, got)
			}
		}
		if records[1][1] != "-0,01" {
			t.Errorf("a number became %q", records[1][1])
		}
	})
}

func TestWorkbookHoldsTheSameValues(t *testing.T) {
	t.Parallel()
	words := speaking(t, "fr")
	definitions := Definitions(words, []Definition{{"Encaissement", "Des chèques pris pour un service."}})
	made := time.Date(2027, 1, 18, 8, 0, 0, 0, time.UTC)
	data := written(t, func(out io.Writer) error { return WriteXLSX(out, made, []Sheet{sampleSheet(t), definitions}) })
	book, err := excelize.OpenReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	if got := strings.Join(book.GetSheetList(), ","); got != "Encaissements,Définitions" {
		t.Errorf("sheets: %s", got)
	}
	for cell, want := range map[string]struct{ raw, shown string }{
		"A1": {"Lieu", "Lieu"}, "A2": {"Thônes ; « Fil »\n2e ligne", "Thônes ; « Fil »\n2e ligne"}, "A3": {"=1+1", "=1+1"},
		"B2": {"-2", "-2"}, "B3": {"1500", "1,500"}, "C2": {"-12.5", "-12.50 €"}, "C3": {"1250", "1,250.00 €"},
		"D2": {"46474", "28/03/2027"}, "E2": {"46399.604166666664", "12/01/2027 14:30"}, "E3": {"inconnu", "inconnu"},
	} {
		raw, err := book.GetCellValue("Encaissements", cell, excelize.Options{RawCellValue: true})
		if err != nil || raw != want.raw {
			t.Errorf("%s holds %q, %v, want %q", cell, raw, err, want.raw)
		}
		if shown, _ := book.GetCellValue("Encaissements", cell); shown != want.shown {
			t.Errorf("%s shows %q, want %q", cell, shown, want.shown)
		}
		if formula, _ := book.GetCellFormula("Encaissements", cell); formula != "" {
			t.Errorf("%s is the formula %q", cell, formula)
		}
	}
	if meaning, _ := book.GetCellValue("Définitions", "B2"); meaning != "Des chèques pris pour un service." {
		t.Errorf("the definition reads %q", meaning)
	}
}

func TestMoneyIsExactInAWorkbook(t *testing.T) {
	t.Parallel()
	for _, c := range []vouchers.Cents{0, 1, -1, 10, 29, 1005, 100_000_000_07, mostDigits, -mostDigits, mostDigits - 1} {
		shortest := strconv.FormatFloat(euros(c), 'f', -1, 64)
		if back, err := vouchers.ParseCents(shortest); err != nil || back != c {
			t.Errorf("%d cents is written %s", c, shortest)
		}
	}
}

func TestSheetsThatCannotBeWrittenAreRefused(t *testing.T) {
	t.Parallel()
	text := []Column{{"A", Text}}
	for name, c := range map[string]struct {
		sheets []Sheet
		want   error
	}{
		"none":               {nil, ErrEmpty},
		"a cell too few":     {[]Sheet{{Name: "S", Columns: text, Rows: [][]Cell{{}}}}, ErrShape},
		"another kind":       {[]Sheet{{Name: "S", Columns: text, Rows: [][]Cell{{IntegerCell(1)}}}}, ErrShape},
		"a number too long":  {[]Sheet{{Name: "S", Columns: []Column{{"A", Money}}, Rows: [][]Cell{{MoneyCell(math.MaxInt64)}}}}, ErrTooLong},
		"a text too long":    {[]Sheet{{Name: "S", Columns: text, Rows: [][]Cell{{TextCell(strings.Repeat("😀", 16_384))}}}}, ErrTooLong},
		"a name too long":    {[]Sheet{{Name: strings.Repeat("S", 32)}}, excelize.ErrSheetNameLength},
		"a name with a star": {[]Sheet{{Name: "S"}, {Name: "S*"}}, excelize.ErrSheetNameInvalid},
	} {
		if err := WriteXLSX(io.Discard, time.Time{}, c.sheets); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if err := WriteXLSX(io.Discard, time.Time{}, []Sheet{{Name: "S"}, {Name: "s"}}); err == nil {
		t.Error("two sheets of one name: written all the same")
	}
	if err := WriteCSV(io.Discard, Sheet{Columns: text, Rows: [][]Cell{{}}}); !errors.Is(err, ErrShape) {
		t.Errorf("CSV of a short row: %v, want ErrShape", err)
	}
}
