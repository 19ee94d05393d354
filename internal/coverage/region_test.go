package coverage

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// realPlaces are the 687 places of Auvergne-Rhône-Alpes of 2021; they take the voucher
// where they took the pass then. PASSERELLE_DATA_FILES names the folder that holds them, by
// default ../shared/data beside the repository; continuous integration must have it.
func realPlaces(t *testing.T) []Place {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "lieux-hinaura-v1.csv"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Logf("the real places are not there: nothing to compare with (%v)", err)
		return nil
	}
	defer func() { _ = file.Close() }()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	var places []Place
	for i, row := range rows[1:] {
		lat, err1 := strconv.ParseFloat(row[column["latitude"]], 64)
		lon, err2 := strconv.ParseFloat(row[column["longitude"]], 64)
		if err1 == nil && err2 == nil {
			places = append(places, Place{ID: vouchers.PlaceID(i + 1), Point: Point{lat, lon}, Takes: row[column["accepte_pass_numerique_v0"]] == "1"})
		}
	}
	return places
}

// What was published of the former scheme: 57.5 % of people had a place that took the pass
// within 10 km, 90.3 % any place.
func TestTheRegionIsCoveredAsWasPublished(t *testing.T) {
	t.Parallel()
	places := realPlaces(t)
	if places == nil {
		return
	}
	req := Request{Region: "84"}
	if err := req.check(); err != nil {
		t.Fatal(err)
	}
	sim := simulate(req, places)
	percent := func(people int) float64 { return 100 * float64(people) / float64(sim.People) }
	within10 := sim.Shares[1]
	t.Logf("%d communes, %d people, %d without a centre; within 10 km: %.1f %% of people, %.1f %% any place; %d recruits reach %.1f %%",
		len(sim.Communes), sim.People, sim.Unlocated, percent(within10.Covered), percent(within10.Possible), len(sim.Recruits), percent(sim.Recruits[len(sim.Recruits)-1].Covered))
	if math.Abs(percent(within10.Covered)-57.5) > 1 || math.Abs(percent(within10.Possible)-90.3) > 1 {
		t.Errorf("%.1f %% and %.1f %%, want about 57.5 %% and 90.3 %%", percent(within10.Covered), percent(within10.Possible))
	}
	if sim.People < 7_900_000 || sim.People > 8_500_000 {
		t.Errorf("%d people live in the region", sim.People)
	}
}

func TestAnUnknownAreaIsRefused(t *testing.T) {
	t.Parallel()
	for _, req := range []Request{
		{Region: "99"}, {Area: territory.Area{Departements: []string{"99"}}}, {RadiusKm: 7}, {Target: 101},
	} {
		if err := req.check(); err == nil {
			t.Errorf("%+v is accepted", req)
		}
	}
}
