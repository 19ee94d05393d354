package catalogue

// Theme is one of the nine kinds of service of the national vocabulary (field services of
// standard-mediation-num v1.0.2). Its value is a stable code; the words a reader sees are in
// the message catalogues under "theme.<code>".
type Theme string

// The nine themes, in the order of the standard.
const (
	AdministrativeHelp  Theme = "administrative_help"
	EverydayTools       Theme = "everyday_tools"
	Employment          Theme = "employment"
	OnlineSafety        Theme = "online_safety"
	ParentingEducation  Theme = "parenting_education"
	LeisureCreation     Theme = "leisure_creation"
	DigitalCulture      Theme = "digital_culture"
	AccessAndDevices    Theme = "access_and_devices"
	AffordableEquipment Theme = "affordable_equipment"
)

var themeLabels = []struct {
	theme Theme
	label string // verbatim in the standard
}{
	{AdministrativeHelp, "Aide aux démarches administratives"},
	{EverydayTools, "Maîtrise des outils numériques du quotidien"},
	{Employment, "Insertion professionnelle via le numérique"},
	{OnlineSafety, "Utilisation sécurisée du numérique"},
	{ParentingEducation, "Parentalité et éducation avec le numérique"},
	{LeisureCreation, "Loisirs et créations numériques"},
	{DigitalCulture, "Compréhension du monde numérique"},
	{AccessAndDevices, "Accès internet et matériel informatique"},
	{AffordableEquipment, "Acquisition de matériel informatique à prix solidaire"},
}

// formerLabels are the services of v0.1 (2022), which older files still carry, with the
// nearest theme of today.
var formerLabels = map[string]Theme{
	"Devenir autonome dans les démarches administratives":           AdministrativeHelp,
	"Réaliser des démarches administratives avec un accompagnement": AdministrativeHelp,
	"Accompagner les démarches de santé":                            AdministrativeHelp,
	"Prendre en main un smartphone ou une tablette":                 EverydayTools,
	"Prendre en main un ordinateur":                                 EverydayTools,
	"Utiliser le numérique au quotidien":                            EverydayTools,
	"Favoriser mon insertion professionnelle":                       Employment,
	"Créer et développer mon entreprise":                            Employment,
	"Soutenir la parentalité et l'éducation avec le numérique":      ParentingEducation,
	"Créer avec le numérique":                                       LeisureCreation,
	"Approfondir ma culture numérique":                              DigitalCulture,
	"Promouvoir la citoyenneté numérique":                           DigitalCulture,
	"Accéder à une connexion internet":                              AccessAndDevices,
	"Accéder à du matériel":                                         AccessAndDevices,
	"S'équiper en matériel informatique":                            AffordableEquipment,
}

// themeOf finds a theme by any spelling: code, label, former label.
var themeOf = func() map[string]Theme {
	all := make(map[string]Theme)
	for _, t := range themeLabels {
		all[squeeze(t.label)], all[squeeze(string(t.theme))] = t.theme, t.theme
	}
	for label, theme := range formerLabels {
		all[squeeze(label)] = theme
	}
	return all
}()

// Themes lists the nine themes in the order of the standard.
func Themes() []Theme {
	list := make([]Theme, len(themeLabels))
	for i, t := range themeLabels {
		list[i] = t.theme
	}
	return list
}

// Label is the theme as the standard writes it in French, for files; "" if unknown.
func (t Theme) Label() string {
	for _, known := range themeLabels {
		if known.theme == t {
			return known.label
		}
	}
	return ""
}

// ParseTheme reads a theme's code, its label or its label of v0.1, whatever the case,
// accents and punctuation.
func ParseTheme(written string) (Theme, bool) {
	t, ok := themeOf[squeeze(written)]
	return t, ok
}

// ParseThemes reads a "|" list of themes. Each theme comes once, in the order of the list;
// what is no theme is given back as written.
func ParseThemes(list string) (themes []Theme, unknown []string) {
	return parseList(list, ParseTheme)
}
