package catalogue_test

import (
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

	"github.com/passerelle/passerelle/internal/catalogue"
)

// fullFile is fullRow as a file with a separator, quotes where a spreadsheet puts them.
func fullFile(t *testing.T, separator rune, columns []string) string {
	t.Helper()
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = separator, true
	row := make([]string, len(columns))
	for i, name := range columns {
		row[i] = fullRow[name]
	}
	if err := w.WriteAll([][]string{columns, row}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Whatever program wrote a file with every field filled, in whatever order of columns, all of
// it is read and nothing is told.
func TestAFileWithEveryFieldIsReadHoweverItWasWritten(t *testing.T) {
	t.Parallel()
	columns := slices.Sorted(maps.Keys(fullRow))
	for range columns {
		columns = append(columns[1:], columns[0])
		readsEveryField(t, columns)
	}
}

func readsEveryField(t *testing.T, columns []string) {
	t.Helper()
	comma, semicolon := fullFile(t, ',', columns), fullFile(t, ';', columns)
	latin, err := charmap.Windows1252.NewEncoder().String(semicolon)
	if err != nil {
		t.Fatal(err)
	}
	wide := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(fullFile(t, '\t', columns))) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	for name, file := range map[string]string{
		"commas": comma, "byte order mark, semicolons, CRLF": "\ufeff" + semicolon, "declared separator": "sep=;\r\n" + semicolon,
		"Windows-1252": latin, "UTF-16 with tabs": string(wide), "old Mac line ends": strings.ReplaceAll(strings.ReplaceAll(comma, "\r\n", "\r"), "apprendre,\n", "apprendre, "),
		"upper-case names with spaces": strings.Replace(comma, strings.Join(columns, ","), strings.ToUpper(strings.ReplaceAll(strings.Join(columns, ","), "_", " ")), 1),
	} {
		places, problems, err := catalogue.ReadPlaces(strings.NewReader(file))
		if err != nil || len(places) != 1 || len(problems) != 0 {
			t.Errorf("%s: %d places, %+v, %v", name, len(places), problems, err)
			continue
		}
		p := places[0]
		if p.Name != fullRow["nom"] || len(p.Emails) != 2 || len(p.Websites) != 2 || len(p.Kinds) != 2 || len(p.Mobilities) != 2 || p.Parent != "Mairie d'Annecy" ||
			len(p.Themes) != 2 || len(p.Audiences) != 2 || len(p.SpecialCare) != 2 || len(p.Fees) != 2 || len(p.Programmes) != 2 || len(p.Trainings) != 1 ||
			len(p.AccessWays) != 2 || len(p.SupportWays) != 2 || p.AccessURL == "" || p.BookingURL == "" || p.OtherTrainings == "" || p.Summary == "" || !p.Located ||
			!strings.HasSuffix(p.Details, "à son rythme.") || p.Source != "Relais" || p.UpdatedOn.IsZero() || p.AddressExtra != "Bâtiment B" || p.SIRET == "" || p.Hours == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// Stray quotes, rows too short or too long, names that are missing: what can be read is, and
// each thing that cannot is said, with its line, field and reason.
func TestAnUntidyFileIsReadRightOrSaysExactlyWhatIsWrong(t *testing.T) {
	t.Parallel()
	file := "\ufeffid;nom;commune;code_insee;telephone;date_maj\r\n" +
		"1;Le \"Relais\" d'ici;Annecy;74010;0450020000;2026-01-01\r\n" +
		"2;\"Ouvert;Annecy;74010;0450020000;2026-01-01\r\n" +
		"3;Court;Annecy;74010\r\n" +
		"4;Trop;Annecy;74010;;;;de trop\r\n" +
		";Sans numéro;Annecy;74010;;\r\n" +
		"1;Encore;Annecy;74010;;\r\n" +
		"7;Bien;Annecy;74010;12;hier\r\n"
	places, problems, err := catalogue.ReadPlaces(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var kept, said []string
	for _, p := range places {
		kept = append(kept, p.SourceID+" "+p.Name)
	}
	for _, p := range problems {
		said = append(said, fmt.Sprint(p.Line, " ", p.Field, " ", p.Code))
	}
	if got, want := strings.Join(kept, "; "), `1 Le "Relais" d'ici; 2 Ouvert; 3 Court; 7 Bien`; got != want {
		t.Errorf("kept %s, want %s", got, want)
	}
	for _, want := range []string{"3  quotes_misplaced", "5  row_unreadable", "6 id id_missing", "7 id id_repeated", "8 telephone phone_invalid", "8 date_maj date_invalid"} {
		if !strings.Contains(strings.Join(said, "; ")+";", want+";") {
			t.Errorf("%q is not said: %s", want, strings.Join(said, "; "))
		}
	}
}
