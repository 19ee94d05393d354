package vop_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/vop"
)

func account(t *testing.T) sepa.Account {
	t.Helper()
	a, err := sepa.ParseAccount("FR7630006000011234567890189", "AGRIFRPP", "Le Relais")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// bank answers as a service of the scheme does.
func bank(t *testing.T, status int, answer string) (*vop.Client, *map[string]any) {
	t.Helper()
	asked := &map[string]any{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" || r.Header.Get("X-Request-ID") == "" || r.Method != http.MethodPost {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(asked); err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	return vop.New(server.URL, "secret", "CEPAFRPP"), asked
}

func TestABankSaysWhoseAnAccountIs(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]vop.Answer{
		`{"partyNameMatch":"MTCH","matchedName":"LE RELAIS"}`:                        {Match: vop.Full},
		`{"partyNameMatch":"CMTC","matchedName":"ASSOCIATION LE RELAIS"}`:            {Match: vop.Close, Name: "ASSOCIATION LE RELAIS"},
		`{"partyNameMatch":"NMTC"}`:                                                  {Match: vop.None},
		`{"partyNameMatch":"NOAP"}`:                                                  {Match: vop.Unavailable},
		`{"partyNameMatch":"CMTC","matchedName":"` + strings.Repeat("x", 200) + `"}`: {Match: vop.Close},
	} {
		client, asked := bank(t, http.StatusOK, answer)
		got, err := client.Ask(t.Context(), account(t))
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", answer, got, err)
		}
		said, _ := json.Marshal(asked)
		if want := `{"party":{"name":"Le Relais"},"partyAccount":{"iban":"FR7630006000011234567890189"},"partyAgent":{"financialInstitutionId":{"bicfi":"AGRIFRPP"}},"requestingAgent":{"financialInstitutionId":{"bicfi":"CEPAFRPP"}}}`; string(said) != want {
			t.Errorf("asked %s", said)
		}
	}
}

func TestNoAnswerIsAnError(t *testing.T) {
	t.Parallel()
	for answer, status := range map[string]int{`{"partyNameMatch":"MTCH"}`: http.StatusBadGateway, `{"partyNameMatch":"YES"}`: http.StatusOK,
		`{`: http.StatusOK, `{"partyNameMatch":"` + strings.Repeat("x", 1<<20) + `"}`: http.StatusOK, "": http.StatusFound} {
		client, _ := bank(t, status, answer)
		if got, err := client.Ask(t.Context(), account(t)); err == nil {
			t.Errorf("status %d: %v", status, got)
		}
	}
	if _, err := vop.New("http://127.0.0.1:1", "", "").Ask(t.Context(), account(t)); err == nil {
		t.Error("nobody answered, without an error")
	}
}
