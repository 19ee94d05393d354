package internal_test

import (
	"go/ast"
	"go/types"
	"slices"
	"testing"
)

// withoutActor are the use cases that nobody signed in asks for, each with its reason.
var withoutActor = map[string]string{
	"identity.SignIn":              "it is how somebody becomes an actor",
	"identity.TokenFor":            "it is how a program becomes an actor",
	"identity.Authenticate":        "it is what names the actor",
	"identity.CommandLine":         "it is what names the actor of a command: whoever runs it holds the database",
	"identity.ProveJoiner":         "whoever joins is no actor yet: it holds a link that was mailed to it",
	"identity.SignOut":             "whoever holds a session may end it",
	"identity.CreateFirstOperator": "the command line's: whoever runs it holds the database",
	"issuing.ExpireDue":            "a periodic job: time itself asks",
	"booking.Clear":                "as ExpireDue",
	"booking.Remind":               "as ExpireDue",
	"closing.CloseDue":             "as ExpireDue",
	"closing.BringBack":            "as ExpireDue: funders have said what is to be done",
	"applications.Remind":          "as ExpireDue",
	"closing.Remind":               "as ExpireDue",
	"complaints.Forget":            "as ExpireDue",
	"contributions.Remind":         "as ExpireDue",
	"contributions.Tell":           "as ExpireDue: tells what reviewers have decided",
	"connect.ReadAccounts":         "as ExpireDue",
	"connect.Reconcile":            "as ExpireDue",
	"connect.Work":                 "a job: whoever enqueued it was asked",
	"continuity.Daily":             "as ExpireDue",
	"continuity.Import":            "the command line's: whoever runs it holds the database, and a trustee's private key",
	"issuing.OpenTicket":           "whoever holds the booklet's code may see what is left on it",
	"issuing.TryTyped":             "as OpenTicket, for a code that is typed",
	"settlement.Remind":            "as ExpireDue",
	"orders.Terms":                 "the terms are public",
	"payments.Hear":                "Stripe signs what it says",
	"payments.Reconcile":           "a periodic job: time itself asks",
	"payments.Work":                "a job: whoever enqueued it was asked",
	"reporting.Cover":              "the cover is public",
	"statements.Complete":          "a periodic job: closes what other money has answered",
	"settlement.DoTell":            "a job: the bank's line has booked what it tells of",
	"settlement.IssueNotes":        "as ExpireDue",
	"statements.DoImport":          "a job: who sent the file was asked then",
}

func TestEveryUseCaseAsksWhoIsAsking(t *testing.T) {
	t.Parallel()
	rooms := append(slices.Clone(floors[floorOf("campaigns")]), "identity")
	found, excused := 0, map[string]bool{}
	for _, s := range program(t) {
		if !slices.Contains(rooms, s.pkg) {
			continue
		}
		for _, decl := range s.file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || receiver(f) != "Service" {
				continue
			}
			params := paramTypes(f)
			if len(params) == 0 || params[0] != "context.Context" || len(params) > 1 && params[1] == "*db.Tx" {
				continue // no use case, or a step of another room's, which has asked
			}
			found++
			name := s.pkg + "." + f.Name.Name
			asks := len(params) > 1 && (params[1] == "identity.Actor" || s.pkg == "identity" && params[1] == "Actor")
			switch {
			case asks && withoutActor[name] != "":
				t.Errorf("%s takes an actor: take it out of withoutActor", name)
			case asks:
			case withoutActor[name] != "":
				excused[name] = true
			default:
				t.Errorf("%s: %s takes no actor as its second argument; a use case checks who is asking", s.path, name)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d use cases found: the search itself is broken", found)
	}
	for name := range withoutActor {
		if !excused[name] {
			t.Errorf("there is no use case %s without an actor: take it out of withoutActor", name)
		}
	}
}

// receiver is the name of a method's type, "" for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	kind := f.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	return types.ExprString(kind)
}

// paramTypes are a function's parameters, one for each name.
func paramTypes(f *ast.FuncDecl) []string {
	var all []string
	for _, field := range f.Type.Params.List {
		for range max(1, len(field.Names)) {
			all = append(all, types.ExprString(field.Type))
		}
	}
	return all
}
