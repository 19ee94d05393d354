package catalogue

// Topic is what mediation is about, finer than a theme: one of the 19 topics of La Coop de
// la médiation numérique, or of its 11 for administrative procedures. The value is La
// Coop's code.
type Topic string

// topicLabels are La Coop's lists, in its order.
var topicLabels = []struct {
	topic Topic
	label string
}{
	{"DiagnosticNumerique", "Diagnostic numérique"},
	{"PrendreEnMainDuMateriel", "Prendre en main du matériel"},
	{"MaintenanceDeMateriel", "Maintenance de matériel"},
	{"GereSesContenusNumeriques", "Gérer ses contenus numériques"},
	{"NavigationSurInternet", "Navigation sur internet"},
	{"Email", "E-mail"},
	{"Bureautique", "Bureautique"},
	{"ReseauxSociaux", "Réseaux sociaux communication"},
	{"Sante", "Santé"},
	{"BanqueEtAchatsEnLigne", "Banque et achats en ligne"},
	{"Entrepreneuriat", "Accompagner un professionnel"},
	{"InsertionProfessionnelle", "Insertion professionnelle"},
	{"SecuriteNumerique", "Prévention en sécurité numérique"},
	{"Parentalite", "Parentalité"},
	{"ScolariteEtNumerique", "Scolarité et numérique"},
	{"CreerAvecLeNumerique", "Créer avec le numérique"},
	{"CultureNumerique", "Culture numérique"},
	{"IntelligenceArtificielle", "Intelligence artificielle (IA)"},
	{"AideAuxDemarchesAdministratives", "Aide aux démarches administratives"},
	{"PapiersElectionsCitoyennete", "Papiers - Élections - Citoyenneté"},
	{"FamilleScolarite", "Famille - Scolarité"},
	{"SocialSante", "Social - Santé"},
	{"TravailFormation", "Travail - Formation - Entreprise"},
	{"Logement", "Logement"},
	{"TransportsMobilite", "Transports - Mobilité"},
	{"ArgentImpots", "Argent - Impôts"},
	{"Justice", "Justice"},
	{"EtrangersEurope", "Étrangers - Europe"},
	{"LoisirsSportsCulture", "Loisirs - Sports - Culture"},
	{"Associations", "Associations"},
}

// Topics lists the thirty topics in La Coop's order.
func Topics() []Topic {
	list := make([]Topic, len(topicLabels))
	for i, t := range topicLabels {
		list[i] = t.topic
	}
	return list
}

// Label is the topic as La Coop writes it in French; "" if unknown.
func (t Topic) Label() string {
	for _, known := range topicLabels {
		if known.topic == t {
			return known.label
		}
	}
	return ""
}
