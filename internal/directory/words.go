package directory

import (
	"strings"
	"unicode"
)

// forms are legal forms by the beginnings of their codes in INSEE's nomenclature
// (https://www.insee.fr/fr/information/2028129); the longest beginning that fits counts.
var forms = map[string]string{
	"1": "Entreprise individuelle", "3": "Personne morale de droit étranger", "4": "Établissement public industriel et commercial",
	"5": "Société", "51": "Société coopérative", "54": "SARL", "5499": "SARL", "55": "Société anonyme", "57": "SAS", "6": "Groupement",
	"63": "Société coopérative agricole", "65": "Société civile", "71": "Administration de l’État", "72": "Collectivité territoriale",
	"7210": "Commune", "7220": "Département", "7230": "Région", "73": "Établissement public", "7343": "Communauté urbaine",
	"7344": "Métropole", "7346": "Communauté de communes", "7348": "Communauté d’agglomération", "7361": "CCAS", "7367": "CIAS",
	"74": "Organisme public", "81": "Organisme de protection sociale", "82": "Mutuelle", "84": "Comité d’entreprise", "91": "Syndicat",
	"92": "Association", "93": "Fondation",
}

func legalForm(code string) string {
	for length := len(code); length > 0; length-- {
		if form, known := forms[code[:length]]; known {
			return form
		}
	}
	return ""
}

// small are words that stay in small letters within a name.
var small = map[string]bool{"de": true, "du": true, "des": true, "la": true, "le": true, "les": true, "et": true, "en": true, "sur": true,
	"sous": true, "aux": true, "au": true, "à": true, "pour": true, "par": true}

// initials are words that people write in capitals.
var initials = map[string]bool{"CCAS": true, "CIAS": true, "MJC": true, "PIMMS": true, "SA": true, "SAS": true, "SARL": true, "SCOP": true, "SCIC": true, "EPN": true}

// sensible writes what a register has in capitals as people do: "ASSOCIATION CLIC ET SAPIN" is
// "Association Clic et Sapin". Whoever reads it can still change it.
func sensible(text string) string {
	if text == "" || strings.ToUpper(text) != text {
		return text
	}
	words := strings.Fields(text)
	for i, word := range words {
		lower := strings.ToLower(word)
		switch {
		case initials[word]:
		case i > 0 && small[lower]:
			words[i] = lower
		default:
			words[i] = capitals(lower)
		}
	}
	return strings.Join(words, " ")
}

// capitals gives each part of a word its capital: "saint-jean" is "Saint-Jean".
func capitals(word string) string {
	start := true
	return strings.Map(func(r rune) rune {
		was := start
		start = r == '-' || r == '\'' || r == '’'
		if was {
			return unicode.ToUpper(r)
		}
		return r
	}, word)
}
