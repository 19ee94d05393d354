package documents

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// tool runs a Debian tool on a file and gives what it prints. A machine without the
// tool fails the test: what a reader sees is not checked by anything else.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v (apt-get install poppler-utils zbar-tools qpdf)", name, strings.Join(args, " "), err)
	}
	return string(out)
}

// saved writes a file in the test's folder. With PASSERELLE_PAGES set to a folder it
// is kept there, to be looked at.
func saved(t *testing.T, name string, content []byte) string {
	t.Helper()
	dir := t.TempDir()
	if keep := os.Getenv("PASSERELLE_PAGES"); keep != "" {
		dir = keep
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var spaces = regexp.MustCompile(`[\s\x{00a0}\x{2009}\x{202f}]+`)

// textOf is what a search or a screen reader finds, with every space a plain one.
func textOf(t *testing.T, name string, pdf []byte) string {
	t.Helper()
	return spaces.ReplaceAllString(tool(t, "pdftotext", "-layout", saved(t, name, pdf), "-"), " ")
}

func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, words := range wanted {
		if !strings.Contains(text, words) {
			t.Errorf("the page does not say %q: %.300s…", words, text)
		}
	}
}

func booklets(t *testing.T, bs ...Booklet) []byte {
	t.Helper()
	return written(t, func(out io.Writer) error { return WriteBooklets(out, speaking(t, "fr"), bs) })
}

func statement(t *testing.T, s Statement) []byte {
	t.Helper()
	return written(t, func(out io.Writer) error { return WriteStatement(out, speaking(t, "fr"), s) })
}

func TestBookletSaysWhatItsHolderNeeds(t *testing.T) {
	t.Parallel()
	text := textOf(t, "booklet.pdf", booklets(t, sampleBooklet(t)))
	contains(t, text, "8 chèques · 80 €", "jusqu’au mardi 2 mars 2027", "Offert par : Département de la Haute-Savoie", "PTY6-HEQC-JM8J-2TG",
		"Où aller", "Maison France services de", "04 50 02 91 44", "à 18,2 km", "Comment faire", "Appelez le 04 50 00 12 34",
		"remis le lundi 23 novembre 2026")
	if n := strings.Count(text, "10 €"); n != 8 {
		t.Errorf("%d stubs, want 8", n)
	}
	if n := strings.Count(text, "inconnu"); n != 2 {
		t.Errorf("unknown telephone and hours are named %d times, want 2", n)
	}
}

func TestBookletShowsWhatIsLeft(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		count, left int
		want        string
	}{
		{1, 1, "1 chèque · 10 €"}, {8, 5, "5 chèques · 50 €"}, {25, 1, "1 chèque · 10 €"}, {60, 41, "41 chèques · 410 €"},
		{250, 125, "Il reste 125 chèques sur 250."}, {3, 0, "0 chèque · 0 €"},
	} {
		b := sampleBooklet(t)
		b.Count, b.Left = c.count, c.left
		contains(t, textOf(t, fmt.Sprintf("booklet-%d-%d.pdf", c.count, c.left), booklets(t, b)), c.want)
	}
}

func TestEachBookletHasItsSheet(t *testing.T) {
	t.Parallel()
	one, two := sampleBooklet(t), sampleBooklet(t)
	two.Reference, two.Places, two.HelpPhone = "BON-000128", nil, ""
	pdf := booklets(t, one, two)
	contains(t, tool(t, "pdfinfo", saved(t, "two.pdf", pdf)), "Pages:           2", "2 carnets, à partir de BON-000127", "A4")
	second := spaces.ReplaceAllString(tool(t, "pdftotext", "-f", "2", saved(t, "two.pdf", pdf), "-"), " ")
	contains(t, second, "BON-000128", "Demandez à la personne", "Retournez là où vous avez reçu ce carnet")
}

func TestImpossibleBookletsAreRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Booklet){
		"more left than handed over": func(b *Booklet) { b.Left = 9 },
		"nothing handed over":        func(b *Booklet) { b.Count, b.Left = 0, 0 },
		"worth nothing":              func(b *Booklet) { b.Face = 0 },
		"no typed code":              func(b *Booklet) { b.Typed = vouchers.TypedCode{} },
		"a QR in lower case":         func(b *Booklet) { b.URL = "https://passerelle.fr/C/0" },
	} {
		b := sampleBooklet(t)
		spoil(&b)
		if err := WriteBooklet(io.Discard, speaking(t, "fr"), b); err == nil {
			t.Errorf("%s: printed all the same", name)
		}
	}
	if err := WriteBooklets(io.Discard, speaking(t, "fr"), nil); err != ErrEmpty {
		t.Errorf("no booklets: %v, want ErrEmpty", err)
	}
}

func TestStatementListsEveryRedemption(t *testing.T) {
	t.Parallel()
	s := sampleStatement(t, 90)
	s.Recovered = 4000
	pdf := statement(t, s)
	text := textOf(t, "statement.pdf", pdf)
	for _, r := range s.Redeemed {
		contains(t, text, r.Booklet)
	}
	contains(t, text, "Règlement n° 2027-003", "du lundi 11 janvier 2027 au dimanche 17 janvier 2027", "mercredi 20 janvier 2027",
		"FR76 •••• •••• •••• •••• •••0 189", "PSRL-2027003-000017", "9 h 10", "(suite)",
		"Total : 90 encaissements · 180 chèques 1 800,00 €", "-40,00 €", "Montant du virement 1 760,00 €")
	if strings.Contains(strings.ReplaceAll(text, " ", ""), "30006000") {
		t.Error("the account number is not masked")
	}
	pages := strings.Count(string(tool(t, "pdftotext", saved(t, "statement.pdf", pdf), "-")), "\f")
	if pages < 3 || strings.Count(text, "Heure Lieu Service Carnet") != pages || !strings.Contains(text, fmt.Sprintf("page %d sur %[1]d", pages)) {
		t.Errorf("%d pages, not each with head and number", pages)
	}
}

func TestStatementWithoutRedemptionsSaysSo(t *testing.T) {
	t.Parallel()
	contains(t, textOf(t, "statement-none.pdf", statement(t, sampleStatement(t, 0))), "Aucun encaissement sur cette période.", "0,00 €", "page 1 sur 1")
	s := sampleStatement(t, 1)
	s.Recovered = 1001
	if err := WriteStatement(io.Discard, speaking(t, "fr"), s); err == nil {
		t.Error("more is kept back than was redeemed, and it is printed")
	}
}

func TestAStatementSaysWhatItsStructureSaysOfVAT(t *testing.T) {
	t.Parallel()
	s := sampleStatement(t, 3)
	for regime, want := range map[string]string{"liable": "TVA à 20 % comprise : 5,00 €", "franchise": "293 B", "exempt": "article 261"} {
		s.Regime, s.VAT = regime, 5_00
		contains(t, textOf(t, "statement-"+regime+".pdf", statement(t, s)), want, "Relevé n° PSRL-2027003-000017")
	}
}

func TestAnAttestationIsOnePageForTheAccountant(t *testing.T) {
	t.Parallel()
	oldest := day(t, "2027-01-14")
	var out bytes.Buffer
	a := Attestation{Operator: Party{Name: "Passerelle", Address: []string{"12 rue de la Préfecture", "69003 Lyon"}, SIRET: "73282932000074"},
		Structure: sampleStatement(t, 0).Structure, Days: "mardi", Longest: 8, From: day(t, "2026-01-18"), Until: day(t, "2027-01-18"),
		Redemptions: 412, Kept: 408, Worst: 9, Paid: 8_240_00, UnderWay: 120_00, Owed: 40_00, Oldest: &oldest, MadeAt: time.Date(2027, 1, 18, 8, 0, 0, 0, time.UTC)}
	if err := WriteAttestation(&out, speaking(t, "fr"), a); err != nil {
		t.Fatal(err)
	}
	text := textOf(t, "attestation.pdf", out.Bytes())
	contains(t, text, "Délai maximal de paiement : 8 jours", "mardi", "8 240,00 €", "412 encaissements", "au jour promis", "jeudi 14 janvier 2027", "sans frais")
	if pages := bytes.Count(out.Bytes(), []byte("/Type /Page\n")); pages != 1 {
		t.Errorf("%d pages", pages)
	}
	out.Reset()
	a.ByStripe = true
	if err := WriteAttestation(&out, speaking(t, "fr"), a); err != nil {
		t.Fatal(err)
	}
	if text = textOf(t, "attestation-stripe.pdf", out.Bytes()); strings.Contains(text, "Délai maximal de paiement") {
		t.Error("it promises when a structure is paid that Stripe pays")
	}
	contains(t, text, "Délai maximal jusqu’au départ chez Stripe : 8 jours")
	out.Reset()
	if err := WriteAttestation(&out, speaking(t, "fr"), Attestation{Longest: 1}); err != nil {
		t.Fatal(err)
	}
	contains(t, textOf(t, "attestation-empty.pdf", out.Bytes()), "0,00 €")
}

func TestPrintedAgainIsTheSameToTheByte(t *testing.T) {
	t.Parallel()
	first := map[string][]byte{
		"booklet": booklets(t, sampleBooklet(t)), "statement": statement(t, sampleStatement(t, 60)),
	}
	for name, made := range map[string]string{"booklet": "20261123100500", "statement": "20270118080000"} {
		if n := bytes.Count(first[name], []byte("(D:"+made+")")); n != 2 {
			t.Errorf("%s: its two dates are not those it was given", name)
		}
	}
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			for name, again := range map[string][]byte{
				"booklet": booklets(t, sampleBooklet(t)), "statement": statement(t, sampleStatement(t, 60)),
			} {
				if !bytes.Equal(first[name], again) {
					t.Errorf("%s: printed again it differs", name)
				}
			}
		})
	}
	all.Wait()
}

// TestPDFsAreSoundAndInert reads the objects uncompressed: nothing in them may act.
func TestPDFsAreSoundAndInert(t *testing.T) {
	t.Parallel()
	for name, pdf := range map[string][]byte{
		"booklet.pdf": booklets(t, sampleBooklet(t)), "statement.pdf": statement(t, sampleStatement(t, 3)),
	} {
		path := saved(t, "inert-"+name, pdf)
		tool(t, "qpdf", "--check", path)
		objects := tool(t, "qpdf", "--qdf", "--object-streams=disable", path, "-")
		for _, active := range []string{"/JS", "/JavaScript", "/Launch", "/AA", "/OpenAction", "/URI", "/SubmitForm"} {
			if regexp.MustCompile(active + `\b`).MatchString(objects) {
				t.Errorf("%s holds %s", name, active)
			}
		}
		contains(t, objects, "/Lang (fr)", "/Title", "/FontFile2")
	}
}

func TestHostileNamesStayOnThePage(t *testing.T) {
	t.Parallel()
	names := []string{
		strings.Repeat("x", 10_000), strings.Repeat("mot ", 2_500), "\u202eeruter\u202c \u200b\u200d\ufeff\u2066", "مركز خدمات فرنسا", "Центр",
		"a\x00b\x1b[31m\r\n\tc", "\xff\xfe", "😀👩‍👩‍👧", strings.Repeat("e\u0301", 3_000), "(\\) Tj ET", strings.Repeat("\u00a0", 5_000), "{{.Nothing}}", "",
	}
	for i, name := range names {
		b := sampleBooklet(t)
		b.Funder, b.Campaign, b.Reference, b.HelpPhone = name, name, name, name
		for j := range b.Places {
			b.Places[j] = NearbyPlace{Name: name, Address: []string{name, name, name}, Phone: name, Hours: []string{name, name, name, name, name, name}}
		}
		sheet := booklets(t, b)
		contains(t, tool(t, "pdfinfo", saved(t, fmt.Sprintf("hostile-%d.pdf", i), sheet)), "Pages:           1")
		inside(t, saved(t, fmt.Sprintf("hostile-%d.pdf", i), sheet))

		s := sampleStatement(t, 30)
		s.Structure, s.Settlement, s.IBAN, s.EndToEndID = Party{Name: name, Address: []string{name}, SIRET: name}, name, name, name
		for j := range s.Redeemed {
			s.Redeemed[j].Place, s.Redeemed[j].Theme, s.Redeemed[j].Booklet = name, name, name
		}
		inside(t, saved(t, fmt.Sprintf("hostile-statement-%d.pdf", i), statement(t, s)))
	}
}

var wordBox = regexp.MustCompile(`<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">`)

// inside fails where a word leaves the margins of its page (points, 1 of tolerance).
func inside(t *testing.T, path string) {
	t.Helper()
	found := wordBox.FindAllStringSubmatch(tool(t, "pdftotext", "-bbox", path, "-"), -1)
	if len(found) == 0 {
		t.Errorf("%s: no words", filepath.Base(path))
	}
	for _, m := range found {
		var x1, y1, x2, y2 float64
		if _, err := fmt.Sscan(strings.Join(m[1:], " "), &x1, &y1, &x2, &y2); err != nil {
			t.Fatal(err)
		}
		const edge = margin*millimetre - 1
		if x1 < edge || y1 < 20 || x2 > paperWidth*millimetre-edge || y2 > paperHeight*millimetre-20 {
			t.Errorf("%s: a word at %v leaves the page", filepath.Base(path), m[1:])
		}
	}
}
