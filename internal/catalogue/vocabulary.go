package catalogue

import (
	"maps"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/territory"
)

// vocabulary is a closed list of values of the standard, by their folded form, so that
// accents, case, spaces and punctuation do not matter when a file is read.
type vocabulary map[string]string

func newVocabulary(labels ...string) vocabulary {
	v := make(vocabulary, len(labels))
	for _, label := range labels {
		v[squeeze(label)] = label
	}
	return v
}

// find gives the value as the standard writes it.
func (v vocabulary) find(written string) (label string, ok bool) {
	label, ok = v[squeeze(written)]
	return label, ok
}

// has reports whether the standard writes a value so.
func (v vocabulary) has(value string) bool { return v[squeeze(value)] == value && value != "" }

func (v vocabulary) sorted() []string { return slices.Sorted(maps.Values(v)) }

func squeeze(s string) string { return strings.ReplaceAll(territory.Fold(s), " ", "") }

// The enumerations of standard-mediation-num v1.0.2, verbatim; services are in themes.go.
var (
	mobilities = newVocabulary( // itinerance
		"Itinérant",
		"Fixe",
	)
	audiences = newVocabulary( // publics_specifiquement_adresses
		"Jeunes",
		"Étudiants",
		"Familles et/ou enfants",
		"Seniors",
		"Femmes",
	)
	specialCare = newVocabulary( // prise_en_charge_specifique
		"Surdité",
		"Handicaps moteurs",
		"Handicaps mentaux",
		"Illettrisme",
		"Langues étrangères (anglais)",
		"Langues étrangères (autres)",
		"Déficience visuelle",
	)
	fees = newVocabulary( // frais_a_charge
		"Gratuit",
		"Gratuit sous condition",
		"Payant",
	)
	programmes = newVocabulary( // dispositif_programmes_nationaux
		"Aidants Connect",
		"Bibliothèques numérique de référence",
		"Certification PIX",
		"Conseillers numériques",
		"Emmaüs Connect",
		"France Services",
		"Grande école du numérique",
		"La Croix Rouge",
		"Point d'accès numérique CAF",
		"Promeneurs du net",
		"Relais numérique (Emmaüs Connect)",
	)
	trainings = newVocabulary( // formations_labels
		"Formé à « Mon Espace Santé »",
		"Formé à « DUPLEX » (illettrisme)",
		"Arnia/MedNum BFC (Bourgogne-Franche-Comté)",
		"Collectif ressources et acteurs réemploi (Normandie)",
		"Étapes numériques(La Poste)",
		"Fabriques de Territoire",
		"Les Éclaireurs du numérique (Drôme)",
		"Mes Papiers (Métropole de Lyon)",
		"ORDI 3.0",
		"SUD LABS (PACA)",
	)
	accessWays = newVocabulary( // modalites_acces
		"Se présenter",
		"Téléphoner",
		"Contacter par mail",
		"Prendre un RDV en ligne",
		"Ce lieu n'accueille pas de public",
		"Envoyer un mail avec une fiche de prescription",
	)
	supportWays = newVocabulary( // modalites_accompagnement
		"En autonomie",
		"Accompagnement individuel",
		"Dans un atelier collectif",
		"À distance",
	)

	// kinds are the codes of typologie, from @gouvfr-anct/lieux-de-mediation-numerique.
	kinds = newVocabulary(strings.Fields(`
		ACI ACIPHC AFPA AI ASE ASSO ASSO_CHOMEUR Autre AVIP BIB CAARUD CADA CAF CAP_EMPLOI CAVA CC CCAS
		CCONS CD CDAS CFP CHRS CHU CIAS CIDFF CITMET CMP CMS CPAM CPH CS CSAPA CSC DEETS DEPT DIPLP E2C EA
		EATT EI EITI ENM EPCI EPI EPIDE EPN ES ESAT ESS ETTI EVS FABLAB FABRIQUE FAIS FT GEIQ HUDA LA_POSTE
		MDE MDH MDEF MDPH MDS MJC ML MQ MSA MSAP MUNI OACAS ODC OF OIL OPCS PAD PENSION PI PIJ_BIJ PIMMS PJJ
		PLIE PREF PREVENTION REG RELAIS_LECTURE RESSOURCERIE RFS RS_FJT SCP SPIP TIERS_LIEUX UDAF`)...)
)

// Values lists what a corrected list of a place may hold, in the standard's order: nil where
// the standard has no such list, as for languages.
func Values(list string) []string {
	switch list {
	case "audiences":
		return Audiences()
	case "special_care":
		return []string{"Surdité", "Handicaps moteurs", "Handicaps mentaux", "Illettrisme", "Langues étrangères (anglais)",
			"Langues étrangères (autres)", "Déficience visuelle"}
	case "mobilities":
		return []string{"Fixe", "Itinérant"}
	case "fees":
		return []string{"Gratuit", "Gratuit sous condition", "Payant"}
	case "programmes":
		return programmes.sorted()
	case "trainings":
		return trainings.sorted()
	case "access_ways":
		return []string{"Se présenter", "Téléphoner", "Contacter par mail", "Prendre un RDV en ligne", "Ce lieu n'accueille pas de public",
			"Envoyer un mail avec une fiche de prescription"}
	case "support_ways":
		return []string{"En autonomie", "Accompagnement individuel", "Dans un atelier collectif", "À distance"}
	}
	return nil
}

// Audiences lists the audiences of the standard, in its order.
func Audiences() []string {
	return []string{"Jeunes", "Étudiants", "Familles et/ou enfants", "Seniors", "Femmes"}
}
