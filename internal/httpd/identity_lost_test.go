package httpd

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/identity"
)

func init() {
	samples["identity/organisation"] = OneOrganisationBody{MayEdit: true, Members: []MemberRow{{ID: 1, Name: "N", Email: "E", Role: "R", Self: true}, {ID: 2, Name: "M"}},
		OrganisationRow: OrganisationRow{identity.Organisation{ID: 3, Name: "PIMMS", SIRET: "73282932000074", CreatedAt: time.Unix(1e9, 0)}, "Structure"}}
}

var toNewPassword = regexp.MustCompile(`/members/\d+/password`)

func TestAnAdminGivesAMemberANewPassword(t *testing.T) {
	t.Parallel()
	d := identityDoor(t)
	if text := d.wantStatus(200, "GET", "/login", ""); !strings.Contains(text, "Mot de passe perdu") {
		t.Error("whoever lost a password is not told whom to ask")
	}
	ana := d.signIn("ana@passerelle.example", password)
	d.post("/members", url.Values{"name": {"Bo Petit"}, "email": {"bo@passerelle.example"}, "role": {"agent"}, "password": {" twelve spaces "}}, ana)
	bo := d.signIn("bo@passerelle.example", " twelve spaces ")
	link := toNewPassword.FindString(d.wantStatus(200, "GET", "/members", "", "Cookie", ana))
	if text := d.wantStatus(200, "GET", link, "", "Cookie", ana); !strings.Contains(text, "bo@passerelle.example") {
		t.Error("the question does not say whose account it is")
	}
	d.wantStatus(403, "GET", link, "", "Cookie", bo)
	form := url.Values{"_key": {"key-of-this-form"}}
	if answer, _ := d.post(link, form, bo); answer.StatusCode != 403 {
		t.Errorf("a member gave a password: %d", answer.StatusCode)
	}
	_, text := d.post(link, form, ana)
	made := secretIn(text)
	if made == "" || !strings.Contains(text, `href="/members"`) {
		t.Fatal(text)
	}
	if _, text := d.post(link, form, ana); secretIn(text) != "" || !strings.Contains(text, "déjà été montré") {
		t.Error("it is told when the form is sent again")
	}
	d.clock.Add(time.Second)
	d.wantStatus(303, "GET", "/account", "", "Cookie", bo)
	d.signIn("bo@passerelle.example", made)
}

func TestTheOperatorGivesAnAdminANewPassword(t *testing.T) {
	t.Parallel()
	d := identityDoor(t)
	ana := d.signIn("ana@passerelle.example", password)
	d.post("/organisations", url.Values{"kind": {"prescriber"}, "name": {"CCAS de Thônes"}, "admin_name": {"Cy"}, "admin_email": {"cy@thones.example"}}, ana)
	one := regexp.MustCompile(`href="(/organisations/\d+)"`).FindStringSubmatch(d.wantStatus(200, "GET", "/organisations", "", "Cookie", ana))
	if one == nil {
		t.Fatal("the list leads to no organisation")
	}
	link := toNewPassword.FindString(d.wantStatus(200, "GET", one[1], "", "Cookie", ana))
	d.wantStatus(200, "GET", link, "", "Cookie", ana)
	_, text := d.post(link, nil, ana)
	cy := d.signIn("cy@thones.example", secretIn(text))
	d.wantStatus(403, "GET", one[1], "", "Cookie", cy)
	if text := d.wantStatus(200, "GET", "/api/v1"+one[1], "", "Cookie", ana); !strings.Contains(text, `"members":[{"id":`) || !strings.Contains(text, `"name":"CCAS de Thônes"`) {
		t.Error(text)
	}
	text = d.wantStatus(200, "POST", "/api/v1"+link, "{}", "Cookie", ana, "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin")
	if !regexp.MustCompile(`"password":"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}"`).MatchString(text) {
		t.Error(text)
	}
	text = d.wantStatus(409, "POST", "/api/v1/members/1/password", "", "Cookie", ana, "Sec-Fetch-Site", "same-origin")
	if !strings.Contains(text, "password_yourself") {
		t.Error(text)
	}
}
