package httpd

import (
	"slices"

	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Option is one value to choose in a form, as "select" and "choice" write it.
type Option struct {
	Value, Text, Hint string
	Checked           bool
}

// LoginBody is what identity/login.html shows.
type LoginBody struct{ Email, Problem, Next string }

// AccountBody is what identity/account.html shows.
type AccountBody struct {
	Kind, Role    string
	Organisations []identity.Organisation // the others that the reader may act for
	Tokens        []identity.Token
	Scopes        []Option
	Password      string // what stopped the change of password, ""
	Token         string // what stopped the new token, ""
	Label         string // of the token, as typed
	Days          int
	Longest       int
}

// SecretBody is what identity/secret.html shows: something that is told once.
type SecretBody struct {
	Title          string
	Label, Secret  string // "" where there is none to tell
	Text           string // what to do with it, or why there is none
	Back, BackText string // URL and words of the way on
}

// MembersBody is what identity/members.html shows.
type MembersBody struct {
	Members []MemberRow
	MayEdit bool
	Roles   []Option
	Problem string
	Form    MemberForm
}

// MemberRow is one line of the list.
type MemberRow struct {
	ID                vouchers.PersonID
	Name, Email, Role string
	Self              bool
}

func memberRow(w *i18n.Words, m identity.Member, reader identity.Actor) MemberRow {
	return MemberRow{m.ID, m.Name, m.Email, w.Text("identity.role." + string(m.Role)), m.ID == reader.Person}
}

// MemberForm is a new member, as typed.
type MemberForm struct {
	Name     string `form:"name"`
	Email    string `form:"email"`
	Role     string `form:"role"`
	Password string `form:"password,exact"`
}

// ConfirmBody is what identity/confirm.html shows: a question before something that
// cannot be undone.
type ConfirmBody struct{ Title, Sentence, Action, Button, Back string }

// OrganisationsBody is what identity/organisations.html shows.
type OrganisationsBody struct {
	Kind, Words string
	Kinds       []Option
	Items       []OrganisationRow
	Next        string // URL of the page that follows, ""
	MayCreate   bool
}

// OrganisationRow is one line of the list.
type OrganisationRow struct {
	identity.Organisation
	KindText string
}

// OneOrganisationBody is what identity/organisation.html shows.
type OneOrganisationBody struct {
	OrganisationRow
	Members []MemberRow
	MayEdit bool // the reader may give new passwords
}

// OrganisationBody is what identity/organisation-new.html shows.
type OrganisationBody struct {
	Problem string
	Kinds   []Option
	Form    OrganisationForm
}

// OrganisationForm is a new organisation, as typed.
type OrganisationForm struct {
	Kind          string `form:"kind"`
	Name          string `form:"name"`
	SIRET         string `form:"siret"`
	Email         string `form:"email"`
	Street        string `form:"street"`
	Postcode      string `form:"postcode"`
	Town          string `form:"town"`
	AdminName     string `form:"admin_name"`
	AdminEmail    string `form:"admin_email"`
	AdminPassword string `form:"admin_password,exact"`
}

// options are values with their texts, "<prefix>.<value>", those of chosen checked.
func options[T ~string](w *i18n.Words, prefix string, values []T, chosen ...string) []Option {
	list := make([]Option, 0, len(values))
	for _, value := range values {
		o := Option{Value: string(value), Text: w.Text(prefix + "." + string(value)), Checked: slices.Contains(chosen, string(value))}
		if hint := prefix + "." + string(value) + "-hint"; w.Has(hint) {
			o.Hint = w.Text(hint)
		}
		list = append(list, o)
	}
	return list
}
