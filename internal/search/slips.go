package search

import "strings"

// This file forgives slips of the finger.

// nearestWord finds the word that was meant, with one slip in a word of five letters or more,
// two in one of eight; "" where there is none.
func nearestWord(typed string, words []string) string {
	allowed := 0
	switch {
	case len(typed) >= 8:
		allowed = 2
	case len(typed) >= 5:
		allowed = 1
	}
	if allowed == 0 {
		return ""
	}
	best, least := "", allowed+1
	typed = heard.Replace(typed)
	for _, w := range words {
		if len(w) < 4 || len(w) > len(typed)+allowed+1 || len(w) < len(typed)-allowed {
			continue
		}
		if d := distance(heard.Replace(w), typed); d < least {
			best, least = w, d
		}
	}
	return best
}

// heard writes what sounds alike alike.
var heard = strings.NewReplacer("ph", "f", "qu", "c", "k", "c", "y", "i", "eau", "o", "mm", "m", "nn", "n", "ll", "l", "tt", "t", "ss", "s", "rr", "r", "pp", "p")

// distance counts the letters to add, leave out, change or swap with their neighbour to make
// one word of another (optimal string alignment).
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	var twoBefore []int
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		twoBefore, before, row = before, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(before[j]+1, row[j-1]+1, before[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], twoBefore[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
