package identity

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/vouchers"
)

// longestName is how many characters a name can have on a document.
const longestName = 140

func (m NewMember) tidy() NewMember {
	m.Email = strings.ToLower(strings.TrimSpace(m.Email))
	m.Name = strings.TrimSpace(m.Name)
	return m
}

func (o NewOrganisation) tidy() NewOrganisation {
	o.Name = strings.TrimSpace(o.Name)
	o.Email = strings.TrimSpace(o.Email)
	if number, err := siret.Parse(o.SIRET); err == nil {
		o.SIRET = number.Digits()
	}
	o.Admin.Role = Admin
	o.Admin = o.Admin.tidy()
	if o.Email == "" { // somebody must get the notices
		o.Email = o.Admin.Email
	}
	return o
}

// isAddress tells an e-mail address from what surely is none.
func isAddress(text string) bool {
	return strings.Contains(text, "@") && !strings.ContainsAny(text, " \r\n<>,;\"") && len(text) <= 254
}

// check says what is wrong with a new member, its password apart.
func (m NewMember) check() error {
	switch {
	case m.Name == "" || utf8.RuneCountInString(m.Name) > longestName:
		return fault.New(fault.Invalid, "member_name_length", "most", longestName)
	case !isAddress(m.Email):
		return fault.New(fault.Invalid, "email_malformed")
	case m.Role != Admin && m.Role != Agent && m.Role != Finance && m.Role != Reader:
		return fault.New(fault.Invalid, "role_unknown")
	}
	return nil
}

// check says what is wrong with a new organisation.
func (o NewOrganisation) check() error {
	if o.Kind != Funder && o.Kind != Prescriber && o.Kind != Structure {
		return fault.New(fault.Invalid, "kind_unknown")
	}
	if n := utf8.RuneCountInString(o.Name); n < 2 || n > longestName {
		return fault.New(fault.Invalid, "organisation_name_length", "most", longestName)
	}
	if o.SIRET != "" || o.Kind == Structure {
		if _, err := siret.Parse(o.SIRET); err != nil {
			return err
		}
	}
	if !isAddress(o.Email) {
		return fault.New(fault.Invalid, "email_malformed")
	}
	return o.Admin.check()
}

// fingerprint is the request without its password, for the trail and the key's hash.
func (m NewMember) fingerprint() NewMember { m.Password = ""; return m }

func (o NewOrganisation) fingerprint() NewOrganisation {
	o.Admin = o.Admin.fingerprint()
	return o
}

// mayGivePassword refuses an admin a person that belongs to the organisations within.
func (a Actor) mayGivePassword(id vouchers.PersonID, within []vouchers.OrganisationID) error {
	switch {
	case a.Kind != Operator && !slices.Contains(within, a.Organisation):
		return fault.New(fault.NotFound, "not_found")
	case id == a.Person:
		return fault.New(fault.Conflict, "password_yourself")
	case a.Kind != Operator && len(within) > 1:
		return fault.New(fault.Forbidden, "password_elsewhere")
	}
	return nil
}
