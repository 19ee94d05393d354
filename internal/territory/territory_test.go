package territory

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/fault"
)

func names(communes []Commune) []string {
	list := make([]string, len(communes))
	for i, c := range communes {
		list[i] = c.Name
	}
	return list
}

func TestTheTablesHoldTheWholeCountry(t *testing.T) {
	t.Parallel()
	table := tables()
	if got := len(table.communes); got != 34969 {
		t.Errorf("communes: %d, want 34969", got)
	}
	if got := len(table.parts); got != 2546 {
		t.Errorf("parts: %d, want 2546", got)
	}
	unlocated := 0
	for _, c := range table.communes {
		if !c.Located {
			unlocated++
		}
		if _, ok := Departement(c.Departement); !ok {
			t.Errorf("%s: unknown département %q", c.Name, c.Departement)
		}
		if _, ok := Region(c.Region); !ok {
			t.Errorf("%s: unknown région %q", c.Name, c.Region)
		}
		if _, ok := EPCI(c.EPCI); !ok && c.EPCI != "" {
			t.Errorf("%s: unknown intercommunal body %q", c.Name, c.EPCI)
		}
	}
	if unlocated != 106 {
		t.Errorf("communes without coordinates: %d, want 106", unlocated)
	}
}

func TestACommuneIsFoundByItsCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ code, name, departement, region string }{
		{"74010", "Annecy", "74", "84"},
		{"2A004", "Ajaccio", "2A", "94"},
		{"97411", "Saint-Denis", "974", "04"},
		{"75112", "Paris", "75", "11"},
		{"69383", "Lyon", "69", "84"},
		{"13201", "Marseille", "13", "93"},
		{"74268", "Annecy", "74", "84"}, // Seynod, merged in 2017
		{"12218", "Conques-en-Rouergue", "12", "76"},
	} {
		got, ok := Lookup(c.code)
		if !ok || got.Name != c.name || got.Departement != c.departement || got.Region != c.region {
			t.Errorf("Lookup(%q) = %+v, %v", c.code, got, ok)
		}
	}
	for _, code := range []string{"", "74", "99999", "74000"} {
		if got, ok := Lookup(code); ok {
			t.Errorf("Lookup(%q) = %s, want none", code, got.Name)
		}
	}
}

func TestAPostcodeListsItsCommunesBiggestFirst(t *testing.T) {
	t.Parallel()
	got := names(ByPostcode("74600"))
	if want := []string{"Annecy", "Quintal", "Montagny-les-Lanches"}; !slices.Equal(got, want) {
		t.Errorf("74600: %v, want %v", got, want)
	}
	if got := ByPostcode("74003"); len(got) != 0 {
		t.Errorf("74003 is a CEDEX code, got %v", names(got))
	}
}

func TestDivisionsHaveNames(t *testing.T) {
	t.Parallel()
	if d, ok := Departement("974"); !ok || d.Name != "La Réunion" || d.Region != "04" {
		t.Errorf("974: %+v, %v", d, ok)
	}
	if r, ok := Region("84"); !ok || r.Name != "Auvergne-Rhône-Alpes" {
		t.Errorf("région 84: %+v, %v", r, ok)
	}
	annecy, _ := Lookup("74010")
	if e, ok := EPCI(annecy.EPCI); !ok || e.Name != "CA du Grand Annecy" {
		t.Errorf("Annecy's body: %+v, %v", e, ok)
	}
	members := EPCIMembers(annecy.EPCI)
	if len(members) != 34 || members[0].Name != "Annecy" {
		t.Errorf("members: %d, first %v", len(members), names(members[:1]))
	}
}

func TestSearchUnderstandsWhatPeopleType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typed, first string }{
		{"annecy", "Annecy"},
		{"ANNECY", "Annecy"},
		{"anecy", "Annecy"},
		{"anncey", "Annecy"},
		{"74000", "Annecy"},
		{"annecy 74000", "Annecy"},
		{"74000 Annecy Cedex 9", "Annecy"},
		{"annec", "Annecy"},
		{"st etienne", "Saint-Étienne"},
		{"St-Étienne", "Saint-Étienne"},
		{"saint etiene", "Saint-Étienne"},
		{"ste foy les lyon", "Sainte-Foy-lès-Lyon"},
		{"l'alpe d'huez", "Huez"},
		{"l’haÿ les roses", "L'Haÿ-les-Roses"},
		{"lhay les roses", "L'Haÿ-les-Roses"},
		{"pont de claix", "Le Pont-de-Claix"},
		{"chalon s/ saone", "Chalon-sur-Saône"},
		{"seynod", "Annecy"},
		{"lyon 3", "Lyon"},
		{"paris 12", "Paris"},
		{"saint denis 974", "Saint-Denis"},
		{"puy velay", "Le Puy-en-Velay"},
		{"hericourt 70", "Héricourt"},
		{"y", "Y"},
	} {
		got := Search(c.typed, 5)
		if len(got) == 0 || got[0].Name != c.first {
			t.Errorf("Search(%q) = %v, want %s first", c.typed, names(got), c.first)
		}
	}
}

func TestSearchKeepsToItsLimitAndInventsNothing(t *testing.T) {
	t.Parallel()
	if got := Search("saint", 7); len(got) != 7 {
		t.Errorf("limit 7, got %d", len(got))
	}
	for _, typed := range []string{"", "  ", "'-'", "xqzvw", "00000", "annxyy", strings.Repeat("zzz ", 5000)} {
		if got := Search(typed, 5); len(got) > 0 {
			t.Errorf("Search(%.20q) = %v, want none", typed, names(got))
		}
	}
	if got := Search("annecy", 0); len(got) != 0 {
		t.Errorf("limit 0, got %v", names(got))
	}
	seen := map[string]bool{}
	for _, c := range Search("paris", 30) {
		if seen[c.INSEE] {
			t.Errorf("%s listed twice", c.Name)
		}
		seen[c.INSEE] = true
	}
}

func TestAnAreaContainsItsCommunes(t *testing.T) {
	t.Parallel()
	annecy, _ := Lookup("74010")
	for _, c := range []struct {
		what  string
		area  Area
		insee string
		want  bool
	}{
		{"no limit", Area{}, "74010", true},
		{"no limit, unknown code", Area{}, "00000", true},
		{"its commune", Area{Communes: []string{"74010"}}, "74010", true},
		{"another commune", Area{Communes: []string{"74010"}}, "74056", false},
		{"a former commune of it", Area{Communes: []string{"74010"}}, "74268", true},
		{"its intercommunal body", Area{EPCIs: []string{annecy.EPCI}}, "74010", true},
		{"outside the body", Area{EPCIs: []string{annecy.EPCI}}, "74056", false},
		{"its département", Area{Departements: []string{"74"}}, "74056", true},
		{"another département", Area{Departements: []string{"73"}}, "74056", false},
		{"a union", Area{Communes: []string{"73065"}, Departements: []string{"74"}}, "73065", true},
		{"Lyon 3e in Lyon", Area{Communes: []string{"69123"}}, "69383", true},
		{"Paris 1er in its département", Area{Departements: []string{"75"}}, "75101", true},
		{"Marseille 1er in its body", Area{EPCIs: []string{"200054807"}}, "13201", true},
		{"overseas", Area{Departements: []string{"974"}}, "97411", true},
		{"overseas, another", Area{Departements: []string{"971"}}, "97411", false},
		{"unknown code", Area{Departements: []string{"74"}}, "74999", false},
		{"no body is no match", Area{EPCIs: []string{""}}, "97501", false},
	} {
		if got := c.area.Contains(c.insee); got != c.want {
			t.Errorf("%s: Contains(%s) = %v", c.what, c.insee, got)
		}
	}
}

func TestAnAreaNamesItsWrongCodes(t *testing.T) {
	t.Parallel()
	good := Area{Communes: []string{"74010"}, EPCIs: []string{"200054807"}, Departements: []string{"2A", "974"}}
	if err := good.Validate(); err != nil {
		t.Errorf("good area: %v", err)
	}
	err := Area{Communes: []string{"74010", "74999"}, EPCIs: []string{"1"}, Departements: []string{"20"}}.Validate()
	if f, ok := err.(*fault.Error); !ok || f.Code != "area_code_unknown" || f.Args["codes"] != "74999, 1, 20" {
		t.Errorf("wrong codes: %#v", err)
	}
	err = Area{Communes: []string{"69383"}}.Validate()
	if f, ok := err.(*fault.Error); !ok || f.Code != "area_part_of_commune" || f.Args["whole"] != "69123" {
		t.Errorf("part of a commune: %#v", err)
	}
}

func TestDistances(t *testing.T) {
	t.Parallel()
	if km := DistanceKm(48.8566, 2.3522, 45.7640, 4.8357); math.Abs(km-391.5) > 1 {
		t.Errorf("Paris to Lyon: %.1f km, want about 391.5", km)
	}
	if km := DistanceKm(45.9, 6.1, 45.9, 6.1); km != 0 {
		t.Errorf("to itself: %v km", km)
	}
	if km := DistanceKm(0, 0, 0, 180); math.Abs(km-math.Pi*earthRadiusKm) > 0.001 {
		t.Errorf("half round the Earth: %v km", km)
	}
	if km := DistanceKm(-21, 179.9, -21, -179.9); km > 25 {
		t.Errorf("over the date line: %v km", km)
	}
}

func TestTheNearestCommune(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lat, lon float64
		name     string
	}{{45.899, 6.129, "Annecy"}, {-20.88, 55.45, "Saint-Denis"}, {48.853, 2.349, "Paris"}} {
		if got, ok := Nearest(c.lat, c.lon); !ok || got.Name != c.name {
			t.Errorf("Nearest(%v, %v) = %s, %v; want %s", c.lat, c.lon, got.Name, ok, c.name)
		}
	}
	for _, p := range [][2]float64{{91, 0}, {0, 181}, {math.NaN(), 0}, {0, math.Inf(1)}} {
		if got, ok := Nearest(p[0], p[1]); ok {
			t.Errorf("Nearest(%v) = %s, want none", p, got.Name)
		}
	}
}

func TestResolveUsesEveryClue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		clue Clue
		want string
	}{
		{Clue{INSEE: "74010"}, "74010"},
		{Clue{INSEE: "69383", Name: "Paris"}, "69123"},
		{Clue{Postcode: "74600", Name: "Seynod"}, "74010"},
		{Clue{Postcode: "74003", Name: "Annecy Cedex 03"}, "74010"},
		{Clue{Postcode: "01500", Name: "Bourg-en-Bresse"}, "01053"},
		{Clue{Postcode: "73110", Name: "La Rochette"}, "73215"},
		{Clue{Postcode: "26260", Name: "Saint-Donat-sur-lHerbasse"}, "26301"},
		{Clue{Postcode: "74140", Name: "Sciez-sur-Léman"}, "74263"},
		{Clue{Postcode: "73800", Name: "Les Molettes"}, "73159"},
		{Clue{Postcode: "74170", Name: "SAINT GERVAIS"}, "74236"},
		{Clue{Postcode: "20000", Name: "ajaccio"}, "2A004"},
		{Clue{Postcode: "97400", Name: "St Denis"}, "97411"},
		{Clue{Postcode: "38750", Name: "Station"}, "38191"},
		{Clue{Postcode: "74130", Name: "Entremont", Lat: 45.958, Lon: 6.385, Located: true}, "74212"},
		{Clue{Postcode: "74130", Name: "Entremont"}, ""},
		{Clue{Name: "Annecy"}, ""},
		{Clue{}, ""},
	} {
		if got, _ := Resolve(c.clue); got.INSEE != c.want {
			t.Errorf("Resolve(%+v) = %s %s, want %q", c.clue, got.INSEE, got.Name, c.want)
		}
	}
}

func TestWithinOneSlip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"annecy", "annecy", true}, {"anecy", "annecy", true}, {"annecyy", "annecy", true},
		{"annxcy", "annecy", true}, {"anncey", "annecy", true}, {"nanecy", "annecy", true}, {"xanecy", "annecy", false},
		{"ancey", "annecy", false}, {"anxxcy", "annecy", false}, {"", "a", true}, {"", "ab", false},
	} {
		if got := within1(c.a, c.b); got != c.want || within1(c.b, c.a) != c.want {
			t.Errorf("within1(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"L'Haÿ-les-Roses": "l hay les roses", "Œuilly ": "oeuilly", " a\u0301 -- B ": "a b", "«»": "", "Ærø 3": "aerø 3", // ø is a letter of its own
	} {
		if got := Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzSearch(f *testing.F) {
	for _, s := range []string{"annecy", "st etienne 42", "l'alpe d'huez", "\xff'é", "74000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		if got := Search(typed, 3); len(got) > 3 {
			t.Fatalf("%d answers", len(got))
		}
		Resolve(Clue{Postcode: typed, Name: typed})
	})
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		load()
	}
}

func BenchmarkSearch(b *testing.B) {
	for b.Loop() {
		Search("anecy", 5)
	}
}

func BenchmarkNearest(b *testing.B) {
	for b.Loop() {
		Nearest(45.9, 6.1)
	}
}

func BenchmarkNames(b *testing.B) {
	tables()
	for b.Loop() {
		makeEntries()
	}
}
