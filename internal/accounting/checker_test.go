package accounting

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/vouchers"
)

// The format rules of the file, as far as they are public: the article itself (LPF art.
// A47 A-1, VI to XII), its comment (BOI-CF-IOR-60-40-20) and what the tax administration's
// "Test Compta Demat" says that it checks: name and order of fields, fields that must be
// filled in, dates and amounts, accounts of the chart, balance of entries and of the whole,
// continuous numbers, chronology.

var (
	dateForm   = regexp.MustCompile(`^(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$`)
	amountForm = regexp.MustCompile(`^-?\d+(,\d{1,2})?$`)
	chartForm  = regexp.MustCompile(`^[1-8]\d\d[0-9A-Za-z]*$`)
	nameForm   = regexp.MustCompile(`^\d{9}FEC\d{8}\.txt$`)
)

// may be empty: subsidiary accounts where there is none, matching, other currencies.
var optional = []int{6, 7, 13, 14, 16, 17}

// checked is a file that was read, for tests that look further.
type checked struct {
	faults  []string
	entries int
	lines   int
	debits  map[string]vouchers.Cents // by account and subsidiary account; credits are below zero
	opening map[string]vouchers.Cents // of that, the journal of what was taken over
}

func (c *checked) fault(line int, format string, args ...any) {
	if len(c.faults) < 20 {
		c.faults = append(c.faults, fmt.Sprintf("line %d: ", line)+fmt.Sprintf(format, args...))
	}
}

// check reads a file as the administration would.
func check(name string, file []byte) *checked {
	c := &checked{debits: map[string]vouchers.Cents{}, opening: map[string]vouchers.Cents{}}
	if !nameForm.MatchString(name) {
		c.fault(0, "the file is named %q (IX)", name)
	}
	records := bytes.Split(file, []byte("\r\n"))
	if len(records[len(records)-1]) != 0 {
		c.fault(len(records), "the last record does not end (VI)")
	}
	records = records[:len(records)-1]
	if len(records) == 0 || string(records[0]) != strings.Join(fields[:], "\t") {
		c.fault(1, "the first record does not name the fields (BOI-CF-IOR-60-40-20, 10)")
		return c
	}
	e := &entry{}
	for i, record := range records[1:] {
		c.record(i+2, record, e)
	}
	e.end(c, len(records))
	c.entries, c.lines = e.number, len(records)-1
	return c
}

// entry is the one that is being read, and the sums of all.
type entry struct {
	number        int
	head          string
	date          string
	balance       vouchers.Cents
	debit, credit vouchers.Cents
}

func (c *checked) record(line int, record []byte, e *entry) {
	for _, b := range record {
		if b < ' ' && b != '\t' || b >= 0x7f && b < 0xa0 {
			c.fault(line, "byte %#x is no character of ISO 8859-15 (XII)", b)
		}
	}
	f := strings.Split(string(record), "\t")
	if len(f) != 18 {
		c.fault(line, "%d fields, not 18 (VII)", len(f))
		return
	}
	for i, value := range f {
		if value == "" && !slices.Contains(optional, i) {
			c.fault(line, "%s is empty (VII)", fields[i])
		}
	}
	for _, i := range []int{3, 9, 15} {
		if !dateForm.MatchString(f[i]) {
			c.fault(line, "%s %q is no date (XII)", fields[i], f[i])
		}
	}
	if !chartForm.MatchString(f[4]) {
		c.fault(line, "CompteNum %q is not of the chart (VII, 5)", f[4])
	}
	if (f[6] == "") != (f[7] == "") {
		c.fault(line, "a subsidiary account without its name: %q %q", f[6], f[7])
	}
	if (f[16] == "") != (f[17] == "") {
		c.fault(line, "an amount in another currency without it")
	}
	e.next(c, line, f)
	debit, credit := c.amount(line, f[11]), c.amount(line, f[12])
	if (debit == 0) == (credit == 0) {
		c.fault(line, "debit %q and credit %q: one of them is 0", f[11], f[12])
	}
	e.balance, e.debit, e.credit = e.balance+debit-credit, e.debit+debit, e.credit+credit
	c.debits[f[4]+f[6]] += debit - credit
	if f[0] == openings {
		c.opening[f[4]+f[6]] += debit - credit
	}
}

func (c *checked) amount(line int, text string) vouchers.Cents {
	amount, err := vouchers.ParseCents(strings.Replace(text, ",", ".", 1))
	if err != nil || !amountForm.MatchString(text) {
		c.fault(line, "%q is no amount (XII)", text)
	}
	return amount
}

// next notices where another entry begins.
func (e *entry) next(c *checked, line int, f []string) {
	head := strings.Join([]string{f[0], f[1], f[2], f[3], f[8], f[9], f[15]}, "\t")
	number, err := strconv.Atoi(f[2])
	switch {
	case err != nil || number != e.number && number != e.number+1:
		c.fault(line, "EcritureNum %s after %d: the sequence is not continuous (VII, 3)", f[2], e.number)
	case number == e.number && head != e.head:
		c.fault(line, "the lines of entry %d differ in journal, date or piece", number)
	case number == e.number+1:
		e.end(c, line)
	}
	if f[3] < e.date {
		c.fault(line, "entry of %s after one of %s: not chronological (BOI-CF-IOR-60-40-20)", f[3], e.date)
	}
	if f[15] < f[3] {
		c.fault(line, "validated on %s, before %s", f[15], f[3])
	}
	e.number, e.head, e.date = number, head, f[3]
}

// end closes an entry, and with it all of the file so far.
func (e *entry) end(c *checked, line int) {
	if e.balance != 0 {
		c.fault(line, "entry %d: debits exceed credits by %s", e.number, e.balance)
	}
	if e.debit != e.credit {
		c.fault(line, "debits %s, credits %s", e.debit, e.credit)
	}
	e.balance = 0
}

const soundName = "123456782FEC20261231.txt"

func soundFile() string {
	record := func(n, account, debit, credit string) string {
		return strings.Join([]string{"BS", "Banque", n, "20260309", account, "Compte", "", "", "P1", "20260309", "Recu", debit, credit, "", "", "20260309", "", ""}, "\t") + "\r\n"
	}
	return strings.Join(fields[:], "\t") + "\r\n" + record("1", "512100", "10,00", "0,00") + record("1", "467110", "0,00", "10,00") +
		record("2", "512100", "5,00", "0,00") + record("2", "467110", "0,00", "5,00")
}

// A checker that cannot fail proves nothing.
func TestTheCheckerNoticesEachFault(t *testing.T) {
	t.Parallel()
	if c := check(soundName, []byte(soundFile())); len(c.faults) != 0 || c.entries != 2 || c.lines != 4 {
		t.Fatalf("a sound file: %+v", c)
	}
	for name, c := range map[string]struct{ from, to, want string }{
		"a name that is wrong":           {"", "", "the file is named"},
		"a field too few":                {"CompteNum\t", "", "does not name the fields"},
		"a record without a field":       {"P1\t20260309\t", "P1\t", "17 fields"},
		"no piece":                       {"P1", "", "PieceRef is empty"},
		"a date with hyphens":            {"20260309", "2026-03-09", "is no date"},
		"an impossible month":            {"20260309", "20261309", "is no date"},
		"a decimal point":                {"10,00", "10.00", "is no amount"},
		"a debit and a credit":           {"10,00\t0,00", "10,00\t1,00", "one of them is 0"},
		"an entry that does not balance": {"\t5,00\t0,00", "\t5,01\t0,00", "debits exceed"},
		"a gap in the numbers":           {"\t2\t2026", "\t3\t2026", "not continuous"},
		"an account of two digits":       {"512100", "51", "not of the chart"},
		"an account that is no number":   {"512100", "B12100", "not of the chart"},
		"an entry from the past":         {"\t2\t20260309", "\t2\t20260308", "not chronological"},
		"two pieces in one entry":        {"P1", "P2", "differ in journal"},
		"letters of UTF-8":               {"Recu", "Re\xc3\xa7\x82u", "no character of ISO 8859-15"},
		"an end without its end":         {"\r\n", "\n", "does not end"},
		"half a subsidiary account":      {"Compte\t\t", "Compte\tF1\t", "without its name"},
	} {
		file, as := soundFile(), soundName
		switch {
		case c.from == "":
			as = "FEC.txt"
		case c.from == "\r\n":
			file = strings.TrimSuffix(file, "\r\n")
		case c.to == "P2": // in one line of the two
			file = strings.Replace(file, c.from, c.to, 1)
		default:
			file = strings.ReplaceAll(file, c.from, c.to)
		}
		if got := strings.Join(check(as, []byte(file)).faults, "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
