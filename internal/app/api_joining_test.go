package app

import (
	"bytes"
	"fmt"
	"image"
	"image/png"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
)

// arrives lets a structure add a place, say where it is, show it, and put a value back; then
// the operator looks at one that joined by itself.
func (s *city) arrives(nobody, operator, structure *citizen) {
	s.t.Helper()
	where := thing{"address": "3 rue du Lac", "postcode": "74000", "town": "Annecy"}
	named := thing{"name": "Le Relais du Lac", "address": "1 rue du Lac", "postcode": "74000", "town": "Annecy"}
	added := structure.posts("/places", named).wants(201).is("town", `"Annecy"`)
	at := fmt.Sprintf("/places/%d", added.id())
	if got := added.header.Get("Location"); got != "/api/v1"+at {
		s.t.Errorf("the place is at %q", got)
	}
	structure.writes("POST", "/places", named).refuses(409, "place_exists")
	structure.writes("POST", "/places", thing{"name": "", "postcode": "74000"}).refuses(422, "place_name_length")
	structure.puts(at+"/location", where).is("address", `"3 rue du Lac"`)
	structure.writes("PUT", at+"/location", thing{"postcode": "740"}).refuses(422, "postcode_malformed")
	structure.writes("PUT", at+"/location", thing{"postcode": "74000", "town": "Annecy", "lat": 45.9}).refuses(422, "point_half")
	structure.writes("PUT", at+"/location", thing{"postcode": "74000", "town": "Annecy", "lat": 6.1, "lon": 45.9}).refuses(422, "point_far")
	structure.writes("PUT", at+"/location", thing{"postcode": "74999", "town": "Ys"}).refuses(422, "place_commune_unknown")

	var photo bytes.Buffer
	if err := png.Encode(&photo, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		s.t.Fatal(err)
	}
	structure.does("PUT", at+"/photo?alt=Une+porte+bleue", "image/png", photo.String()).wants(200).is("alt", `"Une porte bleue"`)
	structure.does("PUT", at+"/photo?alt=Une+porte+bleue", "image/png", "no photo").refuses(422, "photo_unread")
	structure.does("PUT", at+"/photo?alt=x", "image/png", photo.String()).refuses(422, "photo_alt_length")
	nobody.gets(at).wants(200).is("structure", fmt.Sprint(structure.gets("/me").says("organisation")))
	structure.deletes(at+"/photo", nil)
	structure.writes("DELETE", at+"/photo", nil).refuses(404, "not_found")

	told := structure.gets(at + "/history").wants(200).items("items")
	if len(told) != 4 || told[2]["action"] != "place_moved" {
		s.t.Fatalf("told %v", told)
	}
	structure.posts(at+"/history", thing{"entry": told[2]["id"], "field": "location"}).is("address", `"1 rue du Lac"`)
	structure.writes("POST", at+"/history", thing{"entry": told[2]["id"], "field": "phone"}).refuses(404, "not_found")
	s.verifies(operator, structure)
}

// verifies looks at a structure that joined by itself, which only pages let one do.
func (s *city) verifies(operator, structure *citizen) {
	s.t.Helper()
	must := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	joins := func() string {
		s.t.Helper()
		o, err := identity.CheckJoiner(identity.NewOrganisation{Name: "Clic et Sapin", SIRET: "00001006600017", Form: "Association",
			Admin: identity.NewMember{Name: "Ali", Email: "ali@clic.example"}})
		must(err)
		proven, err := s.program.identity.ProveJoiner(s.t.Context(), "ali@clic.example", "trois petits ponts", "192.0.2.1")
		must(err)
		var joined identity.Actor
		must(s.program.store.InTx(s.t.Context(), func(tx *db.Tx) (err error) {
			joined, _, err = identity.Join(s.t.Context(), tx, o, proven)
			return err
		}))
		return fmt.Sprintf("/organisations/%d", joined.Organisation)
	}
	at := joins()
	operator.writes("POST", at+"/refusal", thing{"reason": ""}).refuses(422, "reason_missing")
	operator.posts(at+"/refusal", thing{"reason": "Pas cette association"}).is("siret", `""`)
	at = joins()
	if operator.gets(at).wants(200).is("legal_form", `"Association"`).says("unverified_since") == "" {
		s.t.Error("it is not told that nobody has looked")
	}
	structure.writes("POST", at+"/verification", nil).refuses(403, "forbidden")
	operator.posts(at+"/verification", nil).is("name", `"Clic et Sapin"`)
	operator.writes("POST", at+"/refusal", thing{"reason": "Inconnue"}).refuses(409, "structure_looked_at")
	operator.writes("POST", "/organisations/999/verification", nil).refuses(404, "not_found")
}
