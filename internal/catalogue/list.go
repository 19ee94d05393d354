package catalogue

import (
	"slices"
	"strings"
)

// parseList reads a "|" list of known values, each once. Where an item is unknown, it is
// read again as a list separated by semicolons or commas, as people write them.
func parseList[V comparable](list string, find func(string) (V, bool)) (values []V, unknown []string) {
	add := func(item string) bool {
		v, ok := find(item)
		if ok && !slices.Contains(values, v) {
			values = append(values, v)
		}
		return ok
	}
	for _, item := range splitList(list, "|") {
		if add(item) {
			continue
		}
		for _, smaller := range splitList(item, ";,") {
			if !add(smaller) {
				unknown = append(unknown, smaller)
			}
		}
	}
	return values, unknown
}

// splitList splits at any of the separators and leaves out what is empty.
func splitList(list, separators string) []string {
	var items []string
	for item := range strings.FieldsFuncSeq(list, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
