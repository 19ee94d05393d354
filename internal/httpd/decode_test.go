package httpd

import (
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

type order struct {
	Campaign vouchers.CampaignID `json:"campaign" form:"campaign"`
	Amount   vouchers.Cents      `json:"amount" form:"amount"`
	Until    vouchers.Day        `json:"until" form:"until"`
	Name     string              `json:"name" form:"name"`
	Urgent   bool                `json:"urgent" form:"urgent"`
	Themes   []string            `json:"themes" form:"theme"`
	Places   []vouchers.PlaceID  `json:"places" form:"place"`
	State    string              `json:"-"`
}

// decoded sends a body through read and gives what came out.
func decoded(t *testing.T, contentType, body string, read func(*fiber.Ctx, any) error) (in order, err error) {
	t.Helper()
	w := setup(t, nil, Route{Method: "POST", Path: "/x", Access: Public, Doc: "x", Handler: func(c *fiber.Ctx) error {
		err = read(c, &in)
		return err
	}})
	w.ask("POST", "/x", body, "Content-Type", contentType)
	return in, err
}

func TestFormBecomesValues(t *testing.T) {
	t.Parallel()
	got, err := decoded(t, "application/x-www-form-urlencoded; charset=utf-8", url.Values{
		"campaign": {"7"}, "amount": {" 1\u202f250,50 € "}, "until": {"2027-03-03"}, "name": {" Thônes\r\nLyon "},
		"urgent": {"on"}, "theme": {"a", "b"}, "place": {"3", "4"}, "_key": {"12345678"},
	}.Encode(), decodeForm)
	if err != nil {
		t.Fatal(err)
	}
	day, err := vouchers.ParseDay("2027-03-03")
	if err != nil {
		t.Fatal(err)
	}
	want := order{Campaign: 7, Amount: 125050, Until: day, Name: "Thônes\nLyon", Urgent: true, Themes: []string{"a", "b"}, Places: []vouchers.PlaceID{3, 4}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestWrongFormNamesItsField(t *testing.T) {
	t.Parallel()
	for body, field := range map[string]string{
		"campaign=x":                     "campaign",
		"amount=1.234":                   "amount",
		"until=2027-02-30":               "until",
		"urgent=perhaps":                 "urgent",
		"name=a%00b":                     "name",
		"name=%ff":                       "name",
		"name=a&name=b":                  "name",
		"place=3&place=":                 "",
		"state=paid":                     "state",
		"State=paid":                     "State",
		"campaign=999999999999999999999": "campaign",
	} {
		_, err := decoded(t, "application/x-www-form-urlencoded", body, decodeForm)
		f, _ := err.(*fault.Error)
		switch {
		case field == "" && err != nil:
			t.Errorf("%s: %v", body, err)
		case field != "" && (f == nil || f.Code != "invalid_input" || f.Args["field"] != field):
			t.Errorf("%s: got %v, want a fault that names %s", body, err, field)
		}
	}
}

func TestJSONIsOneValueOfKnownMembers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ contentType, body, code string }{
		{"application/json", `{"campaign": 7, "until": "2027-03-03"}`, ""},
		{"application/json; charset=utf-8", ` {} `, ""},
		{"application/json", `{} {}`, "malformed_body"},
		{"application/json", `{`, "malformed_body"},
		{"application/json", ``, "malformed_body"},
		{"application/json", `{"state": "paid"}`, "invalid_input"},
		{"application/json", `{"campaign": "7"}`, "invalid_input"},
		{"application/json", `{"campaign": 7.5}`, "invalid_input"},
		{"application/json", strings.Repeat("[", 500_000), "malformed_body"},
		{"application/json", `{"themes":` + strings.Repeat("[", 200_000), "malformed_body"},
		{"text/plain", `{}`, "malformed_body"},
	} {
		_, err := decoded(t, tt.contentType, tt.body, decode)
		if got := fault.Code(err); got != tt.code || (tt.code == "" && err != nil) {
			t.Errorf("%.40s: got %v, want %q", tt.body, err, tt.code)
		}
	}
}

func TestJSONWithANULCharacterNamesItsMember(t *testing.T) {
	t.Parallel()
	for body, field := range map[string]string{
		`{"name": "a\u0000b"}`:            "name",
		`{"themes": ["a", "\u0000"]}`:     "themes",
		`{"name": "C:\\u0000", "x": "a"}`: "x", // a backslash, then "u0000": no NUL
		`{"name": "C:\\u0000"}`:           "",
	} {
		in, err := decoded(t, "application/json", body, decode)
		f, _ := err.(*fault.Error)
		switch {
		case field == "" && (err != nil || in.Name != `C:\u0000`):
			t.Errorf("%s: %+v, %v", body, in, err)
		case field != "" && (f == nil || f.Code != "invalid_input" || f.Args["field"] != field):
			t.Errorf("%s: got %v, want a fault that names %s", body, err, field)
		}
	}
}

func TestAnExactFieldKeepsItsSpaces(t *testing.T) {
	t.Parallel()
	var in struct {
		Email    string `form:"email"`
		Password string `form:"password,exact"`
	}
	w := setup(t, nil, Route{Method: "POST", Path: "/x", Access: Public, Doc: "x", Handler: func(c *fiber.Ctx) error {
		return decodeForm(c, &in)
	}})
	w.ask("POST", "/x", "email=+a+&password=+correct+horse+", "Content-Type", "application/x-www-form-urlencoded")
	if in.Email != "a" || in.Password != " correct horse " {
		t.Errorf("%+q", in)
	}
}
