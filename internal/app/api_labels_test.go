package app

import (
	"fmt"

	"github.com/passerelle/passerelle/internal/pgtest/world"
)

// applies brings a place to a label: on criteria that everybody can read, with an application
// that was withdrawn, one that was refused by two people and appealed, and a third person's
// yes. Then the label is suspended for a while.
func (s *city) applies(operator, structure *citizen, place int64) (label int64) {
	s.t.Helper()
	nobody := &citizen{city: s}
	criteria := nobody.gets("/labels/criteria").wants(200).items("items")[0]["criteria"].([]any)
	second, third := operator.colleague("agent"), operator.newColleague("agent", "third")

	granted := operator.posts(fmt.Sprintf("/places/%d/labels", place), thing{"ends_on": "2028-03-09"}).wants(201)
	operator.writes("DELETE", fmt.Sprintf("/labels/%d", granted.id()), thing{"reason": "Sans dossier"}).wants(200)
	start := fmt.Sprintf("/places/%d/applications", place)
	at := fmt.Sprintf("/applications/%d", structure.posts(start, thing{}).wants(201).id())
	structure.posts(at+"/withdrawal", nil).wants(200).is("state", `"withdrawn"`)
	at = fmt.Sprintf("/applications/%d", structure.posts(start, thing{"kind": "passerelle"}).wants(201).id())
	answers, proofs := thing{}, thing{}
	for _, one := range criteria {
		c := one.(map[string]any)
		answers[c["code"].(string)] = thing{"meets": "yes", "note": ""}
		if c["proof"] == "required" {
			proofs[c["code"].(string)] = world.RIB
		}
	}
	saved := structure.writes("PATCH", at, thing{"answers": answers, "proofs": proofs}).wants(200).is("state", `"draft"`)
	proof := saved.items("proofs")[0]["file"]
	structure.posts(at+"/sending", nil).wants(200).is("state", `"sent"`)
	structure.gets("/applications").wants(200)
	if waiting := operator.gets("/applications").wants(200).items("items"); len(waiting) != 1 {
		s.t.Errorf("waiting to be reviewed: %v", waiting)
	}
	operator.gets(fmt.Sprintf("%s/proofs/%v", at, proof)).wants(200)
	operator.posts(at+"/decision", thing{"decision": "refuse", "remarks": thing{"welcome": "Horaires absents"}}).wants(200).is("state", `"refusing"`)
	operator.writes("POST", at+"/confirmation", thing{"stands": true}).wants(409)
	second.posts(at+"/confirmation", thing{"stands": true}).wants(200).is("state", `"refused"`)
	structure.posts(at+"/appeal", thing{"reason": "Les horaires sont sur la porte."}).wants(200).is("state", `"appealed"`)
	third.posts(at+"/decision", thing{"decision": "grant", "ends_on": "2028-03-09"}).wants(200).is("state", `"granted"`)
	label = int64(structure.gets(at).wants(200).object["label"].(float64))

	operator.posts(fmt.Sprintf("/labels/%d/suspension", label), thing{"reason": "Porte fermée"}).wants(200)
	nobody.gets(fmt.Sprintf("/places/%d", place)).wants(200).is("labelled", "false")
	operator.writes("DELETE", fmt.Sprintf("/labels/%d/suspension", label), nil).wants(200)
	operator.posts("/labels/criteria", thing{"code": "jeunes", "name": "Label Jeunes", "summary": "", "criteria": []thing{
		{"code": "young", "title": "Jeunes", "text": "Le lieu accueille les jeunes.", "proof": "none", "required": true}}}).wants(201).is("version", "1")
	nobody.gets("/labels/register?before=x").refuses(422, "invalid_input")
	if found := nobody.gets("/labels/register?kind=passerelle").wants(200).items("items"); len(found) != 2 {
		s.t.Errorf("register: %v", found)
	}
	return label
}
