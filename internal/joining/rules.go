package joining

import (
	"time"
	"unicode/utf8"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
)

// How often a network address may ask the directory and for mails, and how many mails may go
// to one address, in window. A town's whole administration may sit behind one address.
const (
	window     = 15 * time.Minute
	looksLimit = 30
	asksLimit  = 10
	mailsLimit = 3
)

// keptAfterEnd is how long the words of a request outlive its link, for whoever calls the
// operator about it.
const keptAfterEnd = 7 * 24 * time.Hour

const (
	longestStreet   = 200 // characters
	longestPostcode = 10
	longestTown     = 100
	longestForm     = 80
)

// checkLength bounds what identity leaves open.
func checkLength(o identity.NewOrganisation) error {
	for _, text := range []struct {
		field, value string
		most         int
	}{
		{"street", o.Street, longestStreet}, {"postcode", o.Postcode, longestPostcode}, {"town", o.Town, longestTown}, {"legal_form", o.Form, longestForm},
	} {
		if utf8.RuneCountInString(text.value) > text.most {
			return fault.New(fault.Invalid, "invalid_input", "field", text.field)
		}
	}
	return nil
}
