package identity

import (
	"slices"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// Kind is what an organisation is.
type Kind string

const (
	Funder     Kind = "funder"
	Prescriber Kind = "prescriber"
	Structure  Kind = "structure"
	Operator   Kind = "operator"
)

// Role is what a member may do in an organisation.
type Role string

const (
	Admin   Role = "admin"   // everything, members and bank details included
	Agent   Role = "agent"   // the daily work: hand over, redeem, review
	Finance Role = "finance" // orders, statements, settlements
	Reader  Role = "reader"  // sees, changes nothing
)

// Actor is who is asking. Every use case takes one and checks it in its first lines.
// The zero Actor is nobody.
type Actor struct {
	Person           vouchers.PersonID
	Organisation     vouchers.OrganisationID
	Kind             Kind
	Role             Role
	Name             string
	OrganisationName string
	Scopes           []string // of an API token; nil for a person at a screen, who has them all
}

// SignedIn reports whether the actor is somebody.
func (a Actor) SignedIn() bool { return a.Person != 0 }

// Needs refuses the actor unless its organisation is of this kind and its role is one
// of roles (an admin always may).
func (a Actor) Needs(kind Kind, roles ...Role) error {
	if !a.SignedIn() {
		return fault.New(fault.Unauthenticated, "unauthenticated")
	}
	if a.Kind != kind || !a.has(roles) {
		return fault.New(fault.Forbidden, "forbidden")
	}
	return nil
}

// NeedsAny is Needs for a use case that several kinds of organisation share.
func (a Actor) NeedsAny(kinds ...Kind) error {
	if !a.SignedIn() {
		return fault.New(fault.Unauthenticated, "unauthenticated")
	}
	if !slices.Contains(kinds, a.Kind) {
		return fault.New(fault.Forbidden, "forbidden")
	}
	return nil
}

// NeedsScope refuses an API token that was not made for this.
func (a Actor) NeedsScope(scope string) error {
	if a.Scopes != nil && !slices.Contains(a.Scopes, scope) {
		return fault.New(fault.Forbidden, "scope_missing", "scope", scope)
	}
	return nil
}

func (a Actor) has(roles []Role) bool {
	return a.Role == Admin || slices.Contains(roles, a.Role)
}
