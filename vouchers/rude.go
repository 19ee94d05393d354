package vouchers

import "strings"

// rudeWords must not be readable in a typed code, in French or in English. They are
// written plainly; lookAlike decides what reads the same.
var rudeWords = foldAll(
	"ANUS", "BAISE", "BATARD", "BITE", "BOUGNOUL", "BRANLE", "BRULE", "BURNE", "CACA", "CHATTE", "CHIENNE", "CHIER",
	"CHIOTTE", "CON", "CONNARD", "COUILLE", "CREVE", "CUL", "DEBILE", "ENCULE", "ENFOIRE", "FACHO", "FDP", "FOUTRE",
	"GARCE", "GOUINE", "HITLER", "MERDE", "MONGOL", "MORT", "NAZI", "NEGRE", "NIQUE", "NTM", "PEDE", "PEDO", "PENIS",
	"PETASSE", "PIPI", "PISSE", "POUFFE", "PUTAIN", "PUTE", "RACAILLE", "SALAUD", "SALOP", "SEXE", "SUCE", "TARE",
	"TEUB", "TUER", "VIOL", "ZOB",
	"ARSE", "ASS", "BASTARD", "BITCH", "BOOB", "COCK", "CRAP", "CUNT", "DICK", "DYKE", "FAG", "FUCK", "HOMO", "JERK",
	"JIZZ", "KKK", "KILL", "NIGGA", "NIGGER", "PAKI", "PISS", "POOP", "PORN", "PUSSY", "RAPE", "SEX", "SHIT", "SLUT",
	"SPERM", "SUCK", "TITS", "TURD", "TWAT", "WANK", "WHORE",
)

// lookAlike folds the characters that the eye takes for one another: the letters that
// the alphabet leaves out, and the digits that stand for letters.
var lookAlike = strings.NewReplacer("0", "O", "1", "I", "L", "I", "V", "U", "3", "E", "4", "A", "5", "S", "7", "T", "8", "B")

func foldAll(words ...string) []string {
	for i, word := range words {
		words[i] = lookAlike.Replace(word)
	}
	return words
}

// rude says whether a code reads as a word that nobody should be handed.
func rude(code TypedCode) bool {
	text := lookAlike.Replace(string(code.chars[:]))
	for _, word := range rudeWords {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}
