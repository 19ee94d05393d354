package catalogue

// Effect tells what a problem did to the import.
type Effect uint8

const (
	ForInformation Effect = iota + 1 // read all the same: worth a look
	ValueDropped                     // the row was kept without that value
	RowLeftOut                       // the row cannot be used
)

// RowProblem is something amiss in a file. The sentence is in the message catalogues under
// "import.problem.<code>", with the values line, field and value.
type RowProblem struct {
	Line   int    // in the file, from 1; 0 for what concerns the whole file
	Field  string // the column, as the standard names it
	Code   string
	Value  string // as written, shortened; or what the sentence needs
	Effect Effect
}

const maxShown = 80 // characters of a value in a problem

// effects lists every code with its effect. A test holds the message catalogues to it.
var effects = map[string]Effect{
	"column_ignored":      ForInformation,
	"column_repeated":     ForInformation,
	"values_missing":      ForInformation,
	"quotes_misplaced":    ForInformation,
	"commune_resolved":    ForInformation,
	"hours_unread":        ForInformation,
	"text_cut":            ForInformation,
	"same_place":          ForInformation,
	"theme_unmapped":      ForInformation,
	"service_orphan":      ForInformation,
	"pivot_invalid":       ValueDropped,
	"siret_invalid":       ValueDropped,
	"postcode_invalid":    ValueDropped,
	"coordinates_invalid": ValueDropped,
	"coordinates_far":     ValueDropped,
	"phone_invalid":       ValueDropped,
	"email_invalid":       ValueDropped,
	"link_invalid":        ValueDropped,
	"date_invalid":        ValueDropped,
	"value_unknown":       ValueDropped,
	"value_nested":        ValueDropped,
	"row_unreadable":      RowLeftOut,
	"id_missing":          RowLeftOut,
	"id_repeated":         RowLeftOut,
	"name_missing":        RowLeftOut,
	"commune_unknown":     RowLeftOut,
	"not_digital":         RowLeftOut,
}

func newProblem(line int, field, code, value string) RowProblem {
	if runes := []rune(value); len(runes) > maxShown {
		value = string(runes[:maxShown-1]) + "…"
	}
	return RowProblem{Line: line, Field: field, Code: code, Value: value, Effect: effects[code]}
}
