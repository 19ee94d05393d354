package catalogue

import (
	"slices"
	"strings"
)

// data·inclusion v1 (https://github.com/gip-inclusion/data-inclusion-schema) tells structures
// and their services apart. A structure with a digital service is a place of ours: both are
// rewritten as one row of standard-mediation-num, and read as such.

// structureColumns pairs the fields of a structure with the standard's columns.
var structureColumns = map[string]string{
	"id": "id", "siret": "pivot", "nom": "nom", "commune": "commune", "code_postal": "code_postal", "code_insee": "code_insee",
	"adresse": "adresse", "complement_adresse": "complement_adresse", "latitude": "latitude", "longitude": "longitude",
	"telephone": "telephone", "courriel": "courriels", "site_web": "site_web", "horaires_accueil": "horaires",
	"description": "presentation_detail", "source": "source", "date_maj": "date_maj", "accessibilite_lieu": "fiche_acces_libre",
}

// digital pairs the digital themes of data·inclusion with ours, the nearest first.
var digital = map[string][]Theme{
	"numerique--acceder-a-des-services-en-ligne":         {AdministrativeHelp},
	"numerique--acceder-a-une-connexion-internet":        {AccessAndDevices},
	"numerique--acquerir-un-equipement":                  {AffordableEquipment},
	"numerique--maitriser-les-fondamentaux-du-numerique": {EverydayTools, OnlineSafety, Employment, ParentingEducation, LeisureCreation, DigitalCulture},
}

// pair is a value of data·inclusion and the standard's.
type pair struct{ inclusion, standard string }

// serviceColumns are the lists of a service by the standard's column.
var serviceColumns = []struct {
	field, column string
	values        []pair
}{
	{"publics", "publics_specifiquement_adresses", []pair{{"seniors", "Seniors"}, {"jeunes", "Jeunes"}, {"etudiants", "Étudiants"},
		{"familles", "Familles et/ou enfants"}, {"femmes", "Femmes"}}},
	{"frais", "frais_a_charge", []pair{{"gratuit", "Gratuit"}, {"payant", "Payant"}}},
	{"modes_accueil", "modalites_accompagnement", []pair{{"a-distance", "À distance"}}},
	{"type", "modalites_accompagnement", []pair{{"atelier", "Dans un atelier collectif"}, {"accompagnement", "Accompagnement individuel"}}},
	{"modes_mobilisation", "modalites_acces", []pair{{"se-presenter", "Se présenter"}, {"telephoner", "Téléphoner"},
		{"envoyer-un-courriel", "Contacter par mail"}, {"utiliser-lien-mobilisation", "Prendre un RDV en ligne"}}},
}

// networks pairs networks with national programmes.
var networks = []pair{{"france-service", "France Services"}, {"aidants-connect", "Aidants Connect"}, {"conseillers-numeriques", "Conseillers numériques"},
	{"grandes-ecoles-du-numerique", "Grande école du numérique"}, {"croix-rouge", "La Croix Rouge"}}

// networkKinds pairs them with kinds of place.
var networkKinds = []pair{{"ccas-cias", "CCAS"}, {"france-service", "RFS"}, {"france-travail", "FT"}}

// inclusionHalf reports whether names are those of structures or services of data·inclusion by
// themselves. Both share enough names with the standard's to be taken for places: a workshop
// for a place, a crèche for one that helps with digital tools.
func inclusionHalf(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.Contains([]string{"structure_id", "thematiques", "modes_accueil", "reseaux_porteurs", "horaires_accueil", "accessibilite_lieu"}, name)
	})
}

// readInclusion makes one place of each structure that has a digital service.
func readInclusion(structures, services []element) ([]PlaceRecord, []RowProblem, error) {
	var problems []RowProblem
	of := map[string][]element{}
	for _, s := range services {
		if s.object {
			of[s.values["structure_id"]] = append(of[s.values["structure_id"]], s)
		} else {
			problems = append(problems, newProblem(s.line, "", "row_unreadable", ""))
		}
	}
	rows := make([]element, 0, len(structures))
	known := map[string]bool{}
	for _, s := range structures {
		known[s.values["id"]] = true
		if !s.object {
			rows = append(rows, s)
			continue
		}
		merged, unmapped := mergeInclusion(s, of[s.values["id"]])
		for _, theme := range unmapped {
			problems = append(problems, newProblem(s.line, "thematiques", "theme_unmapped", theme))
		}
		if merged.values["services"] == "" {
			problems = append(problems, newProblem(s.line, "thematiques", "not_digital", s.values["nom"]))
			continue
		}
		rows = append(rows, merged)
	}
	for id, orphans := range of {
		if !known[id] {
			problems = append(problems, newProblem(orphans[0].line, "structure_id", "service_orphan", id))
		}
	}
	slices.SortStableFunc(problems, func(a, b RowProblem) int { return a.Line - b.Line })
	if len(rows) == 0 {
		return nil, problems, nil
	}
	places, told, err := readElements(rows)
	return places, append(told, problems...), err
}

// mergeInclusion rewrites a structure and its digital services as one row. unmapped are the
// digital themes that we do not know.
func mergeInclusion(structure element, services []element) (merged element, unmapped []string) {
	merged = element{line: structure.line, object: true, values: map[string]string{}, nested: structure.nested}
	for field, column := range structureColumns {
		merged.values[column] = structure.values[field]
	}
	for _, network := range splitList(structure.values["reseaux_porteurs"], "|") {
		merged.add("dispositif_programmes_nationaux", networks, network)
		merged.add("typologie", networkKinds, network)
	}
	for _, s := range services {
		themes := splitList(s.values["thematiques"], "|")
		if !slices.ContainsFunc(themes, func(t string) bool { return strings.HasPrefix(t, "numerique--") }) {
			continue
		}
		for _, theme := range themes {
			if ours, known := digital[theme]; known {
				merged.join("services", ours[0].Label())
			} else if strings.HasPrefix(theme, "numerique--") {
				unmapped = append(unmapped, theme)
			}
		}
		for _, list := range serviceColumns {
			for _, value := range splitList(s.values[list.field], "|") {
				merged.add(list.column, list.values, value)
			}
		}
		if merged.values["prise_rdv"] == "" {
			merged.values["prise_rdv"] = s.values["lien_mobilisation"]
		}
		if merged.values["horaires"] == "" {
			merged.values["horaires"] = s.values["horaires_accueil"]
		}
	}
	return merged, unmapped
}

// add puts the standard's value for one of data·inclusion's into a list, once.
func (e element) add(column string, values []pair, value string) {
	for _, p := range values {
		if p.inclusion == value {
			e.join(column, p.standard)
		}
	}
}

func (e element) join(column, value string) {
	have := splitList(e.values[column], "|")
	if !slices.Contains(have, value) {
		e.values[column] = strings.Join(append(have, value), "|")
	}
}

// inclusionKind is the kind of a service by how it is given; nil where that is not said.
func inclusionKind(modes []string) *string {
	kind := ""
	switch {
	case slices.Contains(modes, "group"):
		kind = "atelier"
	case slices.Contains(modes, "individual"), slices.Contains(modes, "remote"):
		kind = "accompagnement"
	case slices.Contains(modes, "self_service"):
		kind = "aide-materielle"
	}
	return present(kind)
}

// inclusionModes says where a service is given; nil where that is not said.
func inclusionModes(modes []string) []string {
	var all []string
	if slices.Contains(modes, "remote") {
		all = append(all, "a-distance")
	}
	if slices.ContainsFunc(modes, func(m string) bool { return m != "remote" }) {
		all = append(all, "en-presentiel")
	}
	return all
}

// inclusionAudiences writes the standard's audiences; everybody where none is named.
func inclusionAudiences(audiences []string) []string {
	var all []string
	for _, p := range serviceColumns[0].values {
		if slices.Contains(audiences, p.standard) {
			all = append(all, p.inclusion)
		}
	}
	if all == nil {
		return []string{"tous-publics"}
	}
	return all
}
