package sepa

import (
	"regexp"
	"slices"
	"strings"
)

// Address is a postal address as banks take it since 15 November 2026 (EPC guidance document
// on the provision of addresses, version 2.1): town and country in fields of their own always,
// the street either in its own (structured) or in at most two lines beside them (hybrid). An
// address of lines alone cannot be written.
type Address struct {
	Street   string
	Building string // the number in the street
	PostCode string
	Town     string
	Country  string   // two letters of ISO 3166
	Lines    []string // what is no street, or does not fit; at most two
}

const (
	streetMost       = 70 // characters of StrtNm
	buildingMost     = 16 // of BldgNb
	addressLineMost  = 70 // of AdrLine
	addressLinesMost = 2  // of a hybrid address
)

// NewAddress makes an address of what an organisation's form holds: the street in one text.
// "12 bis rue de l'Évêché" is a number and a street. What does not read so, or has more in
// it, such as a building or a hamlet, goes into lines as it is: better no field than a wrong
// one.
func NewAddress(street, postCode, town, country string) Address {
	a := Address{PostCode: postCode, Town: town, Country: country}
	street = withoutTown(street, postCode, town)
	number, name := "", street
	if m := numbered.FindStringSubmatch(street); m != nil {
		number, name = m[1], m[2]
	}
	switch {
	case street == "":
	case namesStreet(name) && len(name) <= streetMost && len(number) <= buildingMost:
		a.Building, a.Street = number, name
	default:
		a.Lines = wrap(street, addressLineMost, addressLinesMost)
	}
	return a
}

// withoutTown puts the text of a street into the SEPA set and leaves out what the fields of
// the address say: lines may not say it again.
func withoutTown(street, postCode, town string) string {
	said := []string{postCode, town, postCode + " " + town}
	var kept []string
	for part := range strings.SplitSeq(Latin(street, 3*len(street)), ",") { // no letter is spelled out longer
		part = strings.TrimSpace(part)
		again := slices.ContainsFunc(said, func(text string) bool { return strings.EqualFold(part, Latin(text, len(part)+1)) })
		if part != "" && !again {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ", ")
}

// numbered parts "12", "12 bis", "12B" or "12-14" from the street that follows.
var numbered = regexp.MustCompile(`(?i)^([0-9]{1,5}(?: ?[-/] ?[0-9]{1,5})?(?: ?(?:bis|ter|quater|[a-d]))?) ?,? ([^0-9 ].*)$`)

// ways are the words with which the name of a street begins, without accents.
var ways = strings.Fields(`allee allees av avenue bd boulevard bld carrefour chaussee chemin che chem cite cote cour cours descente
	esplanade faubourg fbg fg impasse imp lotissement mail montee parvis passage pass place placette pl pont promenade quai rampe
	rocade rond-point route rte rue r ruelle sentier sente square sq traverse venelle voie`)

var mainStreet = regexp.MustCompile(`^grande?[ '-]rue$`)

// namesStreet tells whether text, in the SEPA set, is the name of a street and nothing more.
func namesStreet(text string) bool {
	text = strings.ToLower(text)
	way, _, more := strings.Cut(text, " ")
	return mainStreet.MatchString(text) ||
		more && slices.Contains(ways, strings.TrimSuffix(way, ".")) && !strings.ContainsAny(text, ",()/:")
}

// wrap cuts text between words into lines; what does not fit into the last is left out.
func wrap(text string, width, most int) []string {
	var lines []string
	for text != "" && len(lines) < most {
		cut := len(text)
		if cut > width {
			cut = strings.LastIndexByte(text[:width+1], ' ')
			if cut <= 0 {
				cut = width
			}
		}
		lines = append(lines, strings.TrimSpace(text[:cut]))
		text = strings.TrimSpace(text[cut:])
	}
	return lines
}
