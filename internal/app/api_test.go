package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
	"github.com/passerelle/passerelle/vouchers"
)

// city is a whole program that is used by nothing but its API, and each exchange is held
// against the description.
type city struct {
	*contract
	t       *testing.T
	clock   *pgtest.Clock
	program *Program
	stripe  *stripefake.Server
	done    map[string]bool // calls that were answered well
	refused map[string]bool // codes that were told
	booked  int             // bank lines
	balance vouchers.Cents  // of the segregated account, as the bank knows it
}

const segregated sepa.IBAN = "FR7630006000011234567890189"

// openCity starts a program that knows nobody but its operator.
func openCity(t *testing.T) (*city, *citizen) {
	t.Helper()
	clock := pgtest.NewClock()
	stripe := stripefake.New("sk_test_city", "whsec_city", clock.Now)
	server := httptest.NewServer(stripe)
	t.Cleanup(server.Close)
	program, err := Start(t.Context(), Config{DatabaseURL: pgtest.URL(t), Data: t.TempDir(), KeysFile: filepath.Join(t.TempDir(), "keys.json"),
		PublicURL: "http://localhost:8080", MailFrom: "Passerelle <bonjour@passerelle.example>", OperatorName: "Passerelle",
		OperatorAddress: "1 rue du Pont, 74000 Annecy", OperatorSIRET: "73282932000074", SegregatedIBAN: segregated.Full(),
		OperatingIBAN: "DE89370400440532013000", StripeTopUpIBAN: "LU280019400644750000", StripeTopUpHolder: "Stripe", StripeTopUpAddress: "Dublin, IE",
		StripeTopUpReference: "ABCD-1234",
		StripeKey:            "sk_test_city", StripeWebhookSecrets: "whsec_city", StripeBase: server.URL}, clock.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := program.Stop(); err != nil {
			t.Error(err)
		}
	})
	admin := identity.NewMember{Name: "Dominique Petit", Email: "operator@passerelle.example", Password: "correct horse battery"}
	if err := program.identity.CreateFirstOperator(t.Context(), "Passerelle", admin); err != nil {
		t.Fatal(err)
	}
	s := &city{t: t, clock: clock, program: program, stripe: stripe, done: map[string]bool{}, refused: map[string]bool{}}
	nobody := &citizen{city: s}
	s.contract = readContract(t, []byte(nobody.gets("/openapi.json").text))
	return s, s.signIn(admin.Email, admin.Password, identity.Scopes...)
}

// citizen asks with a token, or without.
type citizen struct {
	*city
	token, key string
}

// signIn gets a token by the API itself.
func (s *city) signIn(email, password string, scopes ...string) *citizen {
	s.t.Helper()
	nobody := &citizen{city: s}
	made := nobody.posts("/tokens", thing{"email": email, "password": password, "label": "test", "scopes": scopes, "days": 366})
	return &citizen{city: s, token: made.says("token")}
}

// opens lets the operator open an organisation; its first admin comes back with all scopes.
func (c *citizen) opens(kind, name, siret string) (*citizen, int64) {
	c.t.Helper()
	made := c.posts("/organisations", thing{"kind": kind, "name": name, "siret": siret, "email": "contact@" + kind + ".example", "street": "1 place de la Mairie",
		"postcode": "74230", "town": "Thônes", "admin": thing{"name": "Camille Martin", "email": "camille@" + kind + ".example"}})
	return c.signIn("camille@"+kind+".example", made.says("admin_password"), identity.Scopes...), made.id()
}

// colleague is a new member of one's organisation.
func (c *citizen) colleague(role string) *citizen {
	c.t.Helper()
	return c.newColleague(role, role)
}

// newColleague is another one, with a name of its own in front of its address.
func (c *citizen) newColleague(role, name string) *citizen {
	c.t.Helper()
	email := name + "@colleagues.example"
	made := c.posts("/members", thing{"name": "Alix Bernard", "email": email, "role": role}).wants(201)
	return c.signIn(email, made.says("password"), identity.Scopes...)
}

// thing is a JSON object.
type thing map[string]any

// reply is what was answered.
type reply struct {
	t      *testing.T
	name   string
	status int
	header http.Header
	text   []byte
	object thing // nil where the answer is no JSON object
}

// withKey is the citizen whose next writes carry a key.
func (c *citizen) withKey(key string) *citizen { return &citizen{c.city, c.token, key} }

func (c *citizen) gets(path string) reply { c.t.Helper(); return c.does("GET", path, "", "") }
func (c *citizen) posts(path string, body thing) reply {
	c.t.Helper()
	return c.writes("POST", path, body).wants(http.StatusOK, http.StatusCreated)
}
func (c *citizen) puts(path string, body thing) reply {
	c.t.Helper()
	return c.writes("PUT", path, body).wants(http.StatusOK)
}
func (c *citizen) deletes(path string, body thing) reply {
	c.t.Helper()
	return c.writes("DELETE", path, body).wants(http.StatusOK, http.StatusNoContent)
}

func (c *citizen) writes(method, path string, body thing) reply {
	c.t.Helper()
	if body == nil {
		return c.does(method, path, "", "")
	}
	raw, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.does(method, path, "application/json", string(raw))
}

// does sends a request, holds the exchange against the description and counts it. path is
// below /api/v1 unless it begins with "/.".
func (c *citizen) does(method, path, kind, body string) reply {
	c.t.Helper()
	if !strings.HasPrefix(path, "/.") {
		path = "/api/v1" + path
	}
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "localhost:8080"
	for name, value := range map[string]string{"Authorization": c.bearer(), "Idempotency-Key": c.key, "Content-Type": kind} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	answer, err := c.program.server.App.Test(r.Clone(c.t.Context()), 20_000)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	got := reply{c.t, method + " " + path, answer.StatusCode, answer.Header, text, nil}
	if strings.Contains(answer.Header.Get("Content-Type"), "json") && !bytes.HasPrefix(text, []byte("[")) {
		if err := json.Unmarshal(text, &got.object); err != nil {
			c.t.Fatalf("%s: %v", got.name, err)
		}
	}
	if c.contract != nil { // read with the first answer of all
		c.holds(exchange{r, []byte(body), got.status, got.header, text}, got)
	}
	return got
}

func (c *citizen) bearer() string {
	if c.token == "" {
		return ""
	}
	return "Bearer " + c.token
}

func (c *citizen) holds(x exchange, got reply) {
	c.t.Helper()
	if err := c.check(x); err != nil {
		said, _, _ := strings.Cut(err.Error(), "Schema:") // which follows, whole
		c.t.Errorf("%s: %d %.400s\n%s", got.name, got.status, got.text, said)
	}
	if got.status >= 400 {
		c.refused[fmt.Sprint(got.object["code"])] = true
		return
	}
	route, _, err := c.router.FindRoute(x.request)
	if err == nil {
		c.done[route.Method+" "+route.Path] = true
	}
}

// wants ends the test where the status is another.
func (r reply) wants(statuses ...int) reply {
	r.t.Helper()
	for _, status := range statuses {
		if r.status == status {
			return r
		}
	}
	r.t.Fatalf("%s: %d, want %v: %.400s", r.name, r.status, statuses, r.text)
	return r
}

// is compares a member, written as JSON.
func (r reply) is(member, want string) reply {
	r.t.Helper()
	raw, err := json.Marshal(r.object[member])
	if err != nil || string(raw) != want {
		r.t.Errorf("%s: %s is %s, want %s: %.400s", r.name, member, raw, want, r.text)
	}
	return r
}

func (r reply) says(member string) string { return fmt.Sprint(r.object[member]) }

func (r reply) id() int64 {
	r.t.Helper()
	id, ok := r.object["id"].(float64)
	if !ok {
		r.t.Fatalf("%s: no id: %.400s", r.name, r.text)
	}
	return int64(id)
}

// items are a list's.
func (r reply) items(member string) []thing {
	r.t.Helper()
	list, _ := r.object[member].([]any)
	var all []thing
	for _, one := range list {
		all = append(all, thing(one.(map[string]any)))
	}
	return all
}

// statement is a camt.053 file of one movement.
func (s *city) statement(credit bool, tx sepa.Transaction) string {
	s.t.Helper()
	s.booked++
	today := vouchers.DayOf(s.clock.Now())
	entry := sepa.Entry{BankReference: fmt.Sprint("B", s.booked), Status: "BOOK", Booked: today, ValueDate: today, Amount: tx.Amount, Credit: credit,
		Code: sepa.BankCode{Proprietary: "X"}, Transactions: []sepa.Transaction{tx}}
	before := s.balance
	s.balance += entry.Movement()
	var out bytes.Buffer
	err := sepa.WriteStatements(&out, sepa.StatementFile{MessageID: fmt.Sprint("M", s.booked), CreatedAt: s.clock.Now(), Statements: []sepa.Statement{{
		ID: fmt.Sprint("REL", s.booked), Kind: sepa.KindStatement, Account: segregated, Opening: &sepa.Balance{Day: today, Amount: before},
		Closing: &sepa.Balance{Day: today, Amount: s.balance}, Entries: []sepa.Entry{entry}}}})
	if err != nil {
		s.t.Fatal(err)
	}
	return out.String()
}
