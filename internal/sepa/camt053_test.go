package sepa

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

func TestSamplesOfEveryFormatAreRead(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]string{
		"camt053-02": "camt.053.001.02", "camt053-08": "camt.053.001.08",
		"camt054-02": "camt.054.001.02", "camt054-08": "camt.054.001.08",
		"camt053-08-batch": "camt.053.001.08", "camt054-02-batch": "camt.054.001.02",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document := sample(t, name+".xml")
			followsSchema(t, message, document)
			statements, err := ReadStatements(iotest.OneByteReader(bytes.NewReader(document)))
			if err != nil {
				t.Fatal(err)
			}
			read, err := json.MarshalIndent(statements, "", "\t")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", append(read, '\n'))
			for _, s := range statements {
				wantFault(t, s.CheckBalances(), "")
			}
		})
	}
}

func TestABalanceThatDoesNotAddUpIsTold(t *testing.T) {
	t.Parallel()
	text := strings.Replace(string(sample(t, "camt053-08.xml")), "50860.00", "50860.01", 1)
	statements, err := ReadStatements(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var told *fault.Error
	if !errors.As(statements[0].CheckBalances(), &told) || told.Code != "statement_balance_mismatch" {
		t.Fatalf("told %v", told)
	}
	if told.Args["expected"] != vouchers.Cents(50860_00) || told.Args["found"] != vouchers.Cents(50860_01) {
		t.Errorf("told %v", told.Args)
	}
}

// Each case spoils one place of a good file; the fault must name statement and entry.
func TestWrongContentIsNamed(t *testing.T) {
	t.Parallel()
	good := string(sample(t, "camt053-08.xml"))
	for _, c := range []struct{ from, to, code, entry string }{
		{`<b:Amt Ccy="EUR">160.00`, `<b:Amt Ccy="USD">160.00`, "statement_currency", "BATCH-1"},
		{`<b:Amt Ccy="EUR">160.00`, `<b:Amt Ccy="EUR">160.001`, "statement_amount", "BATCH-1"},
		{`<b:Amt Ccy="EUR">160.00`, `<b:Amt Ccy="EUR">-160.00`, "statement_amount", "BATCH-1"},
		{`<b:Amt Ccy="EUR">160.00`, `<b:Amt Ccy="EUR">1e2`, "statement_amount", "BATCH-1"},
		{`<b:Amt Ccy="EUR">160.00`, `<b:Amt Ccy="EUR">100000000000.01`, "statement_amount", "BATCH-1"},
		{`<b:Amt Ccy="EUR">160.00`, `<b:Amt Ccy="EUR">160.01`, "statement_sum_mismatch", "BATCH-1"},
		{`<b:Amt Ccy="EUR">20.00</b:Amt>`, ``, "statement_amount", "BATCH-1"},
		{`<b:CdtDbtInd>DBIT</b:CdtDbtInd>` + "\n        <b:Sts>", `<b:Sts>`, "statement_direction", "BATCH-1"},
		{`<b:CdtDbtInd>DBIT</b:CdtDbtInd>` + "\n            <b:Rltd", `<b:CdtDbtInd>CRDT</b:CdtDbtInd><b:Rltd`, "statement_direction", "BATCH-1"},
		{`<b:BookgDt><b:Dt>2026-03-11`, `<b:BookgDt><b:Dt>2026-02-30`, "statement_date", "BATCH-1"},
		{`<b:BookgDt><b:Dt>2026-03-11</b:Dt></b:BookgDt>` + "\n        <b:BkTxCd/>", `<b:BkTxCd/>`, "statement_date", "#1"},
		{`<b:Amt Ccy="EUR">50980.00`, `<b:Amt Ccy="EUR">`, "statement_amount", "Bal"},
		{`<b:CreDtTm>2026-03-11T22:00:00Z</b:CreDtTm>` + "\n      <b:Acct", `<b:CreDtTm>yesterday</b:CreDtTm><b:Acct`, "statement_date", "CreDtTm"},
		{`FR7630006000011234567890189`, `FR7630006000011234567890188`, "statement_account", "Acct"},
		{`<b:Acct><b:Id><b:IBAN>FR7630006000011234567890189</b:IBAN></b:Id></b:Acct>`, ``, "statement_account", "Acct"},
	} {
		if !strings.Contains(good, c.from) {
			t.Fatalf("%s is not in the sample", c.from)
		}
		statements, err := ReadStatements(strings.NewReader(strings.Replace(good, c.from, c.to, 1)))
		wantFault(t, err, c.code)
		var told *fault.Error
		if errors.As(err, &told) && (told.Args["entry"] != c.entry || told.Args["statement"] == "") {
			t.Errorf("%s → %s: names %v", c.from, c.to, told.Args)
		}
		if statements != nil {
			t.Errorf("%s: part of the file was returned", c.to)
		}
	}
}

func TestTimesAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-03-10":                "2026-03-10",
		"2026-03-10+01:00":          "2026-03-10",
		"2026-03-10T23:30:00Z":      "2026-03-11", // already the next day in Paris
		"2026-03-10T23:30:00+01:00": "2026-03-10",
		"2026-03-10T23:30:00.123":   "2026-03-10",
		"2026-03-10T24:00:00":       "2026-03-11",
	} {
		got, err := place{}.day(text)
		if err != nil || got.String() != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestHostileAndBrokenFilesAreRefused(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"external-entity.xml": "statement_forbidden_markup", "billion-laughs.xml": "statement_forbidden_markup",
		"parameter-entity.xml": "statement_forbidden_markup", "doctype-inside.xml": "statement_forbidden_markup",
		"undeclared-entity.xml": "statement_malformed", "truncated.xml": "statement_malformed",
		"unknown-charset.xml": "statement_malformed", "unknown-version.xml": "statement_malformed",
		"no-statement.xml": "statement_malformed", "other-message.xml": "statement_format_unknown",
	}
	files, err := fs.Glob(os.DirFS("testdata/hostile"), "*.xml")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files, %d expectations, %v", len(files), len(want), err)
	}
	for _, name := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ReadStatements(bytes.NewReader(sample(t, filepath.Join("hostile", name))))
			wantFault(t, err, want[name])
		})
	}
}

func TestDepthAndSizeAreBounded(t *testing.T) {
	t.Parallel()
	open := `<Document xmlns="` + camt053Namespace + `"><BkToCstmrStmt><Stmt><Id>A</Id>`
	_, err := ReadStatements(strings.NewReader(open + strings.Repeat("<X>", 100)))
	wantFault(t, err, "statement_too_deep")
	_, err = ReadStatements(strings.NewReader(open + "<Ntry>" + strings.Repeat("<X>", 100)))
	wantFault(t, err, "statement_too_deep")

	document := sample(t, "camt053-08.xml")
	_, err = readStatements(bytes.NewReader(document), int64(len(document))-10)
	wantFault(t, err, "statement_too_large")
	_, err = ReadStatements(strings.NewReader(""))
	wantFault(t, err, "statement_malformed")
}

func TestABrokenSourceIsNotTheFilesFault(t *testing.T) {
	t.Parallel()
	_, err := ReadStatements(iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(sample(t, "camt053-08.xml")))))
	if !errors.Is(err, iotest.ErrTimeout) || fault.Code(err) != "" {
		t.Errorf("got %v", err)
	}
}

func FuzzReadStatements(f *testing.F) {
	for _, pattern := range []string{"testdata/*.xml", "testdata/hostile/*.xml"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			document, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(document)
		}
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		statements, err := ReadStatements(bytes.NewReader(document))
		if err != nil {
			if fault.Code(err) == "" {
				t.Errorf("not a fault: %v", err)
			}
			return
		}
		for _, s := range statements {
			if _, err := ParseIBAN(s.Account.Full()); err != nil {
				t.Errorf("account: %v", err)
			}
			for _, e := range append(s.Entries, s.Pending...) {
				var sum vouchers.Cents
				for _, tx := range e.Transactions {
					sum += tx.Amount
				}
				if sum != e.Amount || e.Amount < 0 || len(e.Transactions) == 0 {
					t.Errorf("entry of %s has transactions of %s", e.Amount, sum)
				}
			}
		}
	})
}
