package catalogue

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"github.com/passerelle/passerelle/internal/fault"
)

func TestFilesComeInManyForms(t *testing.T) {
	t.Parallel()
	file := places(`1,"Fabrique ""à clics""",Épagny Metz-Tessy,74330,"Mo-Fr 09:00-12:00,14:00-17:00"`, "2,Maison d'Été,Sévrier,74320,")
	cp1252, err := charmap.Windows1252.NewEncoder().String(file)
	if err != nil {
		t.Fatal(err)
	}
	utf16 := "\xff\xfe"
	for _, r := range file {
		utf16 += string([]byte{byte(r), byte(r >> 8)})
	}
	want, problems := mustRead(t, file)
	if len(want) != 2 || want[0].Name != `Fabrique "à clics"` || want[1].INSEE != "74267" || withCode(problems, "commune_resolved") != 2 {
		t.Fatalf("plain file: %+v %v", want, codes(problems))
	}
	for what, other := range map[string]string{
		"CRLF":                strings.ReplaceAll(file, "\n", "\r\n"),
		"CR":                  strings.ReplaceAll(file, "\n", "\r"),
		"BOM":                 "\ufeff" + file,
		"Windows-1252":        cp1252,
		"UTF-16":              utf16,
		"no last line end":    strings.TrimSuffix(file, "\n"),
		"empty cells at ends": strings.ReplaceAll(file, "74320,", "74320,,,"),
		"empty rows":          file + "\n,,,,\n",
		"header in capitals":  strings.Replace(file, "id,nom,commune,code_postal", "ID,Nom,COMMUNE,Code postal", 1),
		"both encodings":      strings.Replace(file, "Maison d'Été", "Maison d'\xc9t\xe9", 1),
	} {
		got, _ := mustRead(t, other)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
		}
	}
	got, _ := mustRead(t, "sep=;\nid;nom;commune;code_postal\n1;Lieu, du lac;Annecy;74000\n")
	if len(got) != 1 || got[0].Name != "Lieu, du lac" || got[0].Line != 3 {
		t.Errorf("sep=; file: %+v", got)
	}
}

func TestOneBadQuoteSpoilsOneRowAtMost(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		rows []string
		want []string // ids kept
		told []string
	}{
		"inside a cell":     {[]string{`1,Le "Lieu",Annecy,74000,`, `2,B,Annecy,74000,`}, []string{"1", "2"}, nil},
		"inside quotes":     {[]string{`1,"Le "Lieu" bleu",Annecy,74000,`, `2,B,Annecy,74000,`}, []string{"1", "2"}, nil},
		"never closed":      {[]string{`1,"Lieu,Annecy,74000,`, `2,B,Annecy,74000,`, `3,C,Annecy,74000,`}, []string{"1", "2", "3"}, []string{"2  quotes_misplaced"}},
		"closed rows later": {[]string{`1,"Lieu,Annecy,74000,`, `2,B,Annecy,74000,`, `3,"C",Annecy,74000,`}, []string{"1", "2", "3"}, []string{"2  quotes_misplaced"}},
		"hiding two rows":   {[]string{`1,"Lieu, du lac,Annecy,74000,`, `2,B,Annecy,74000,`, `3,"C",Annecy,74000,`}, []string{"2", "3"}, []string{"2  row_unreadable"}},
		"and a comma more":  {[]string{`1,"Lieu, du lac,Annecy,74000,`, `2,B,Annecy,74000,`}, []string{"2"}, []string{"2  row_unreadable"}},
		"over two lines":    {[]string{"1,\"Lieu\ndu lac\",Annecy,74000,", `2,B,Annecy,74000,`}, []string{"1", "2"}, nil},
	} {
		got, problems := mustRead(t, places(c.rows...))
		var ids []string
		for _, p := range got {
			ids = append(ids, p.SourceID)
		}
		told := codes(slices.DeleteFunc(problems, func(p RowProblem) bool { return p.Code == "commune_resolved" }))
		if !slices.Equal(ids, c.want) || !slices.Equal(told, c.told) {
			t.Errorf("%s: kept %v, told %v", what, ids, told)
		}
	}
	got, _ := mustRead(t, places("1,\"Lieu\ndu lac\",Annecy,74000,", "2,B,Annecy,74000,"))
	if got[1].Line != 4 {
		t.Errorf("after a row over two lines: line %d, want 4", got[1].Line)
	}
}

func TestAFileOfOpenQuotesIsReadLineByLine(t *testing.T) {
	t.Parallel()
	const rows = 200_000 // re-reading for each row would take minutes
	got, problems := mustRead(t, "id,nom,code_insee\n"+strings.Repeat("1,\"a\n", rows)+"2,Bon,74010\n")
	if len(got) != 1 || withCode(problems, "row_unreadable") != rows {
		t.Errorf("%d places, %d rows unreadable", len(got), withCode(problems, "row_unreadable"))
	}
}

func FuzzReadPlaces(f *testing.F) {
	f.Add([]byte(places(`1,"a",Annecy,74000,Mo 09:00-12:00`)))
	f.Add([]byte("id;nom;code_insee\n\"1;\"\";x\n2;b;74010\r\n"))
	f.Add([]byte("\xff\xfei\x00d\x00"))
	f.Add([]byte("sep=\t\nid\tnom\tcode_insee\tlatitude\tlongitude\n1\t\xe9\t69383\t1e400\tNaN\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, problems, err := ReadPlaces(bytes.NewReader(raw))
		if err != nil && fault.Code(err) == "" {
			t.Fatalf("not a fault: %v", err)
		}
		ids := map[string]bool{}
		for _, p := range got {
			if p.SourceID == "" || p.Name == "" || p.INSEE == "" || ids[p.SourceID] {
				t.Fatalf("unusable place kept: %+v", p)
			}
			ids[p.SourceID] = true
		}
		for _, p := range problems {
			if effects[p.Code] == 0 || p.Effect == 0 {
				t.Fatalf("unknown problem: %+v", p)
			}
		}
	})
}
