package directory

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/siret"
)

const number = siret.SIRET("73282932000074")

// answers is an API that always says the same.
func answers(t *testing.T, say http.HandlerFunc) *Search {
	t.Helper()
	api := httptest.NewServer(say)
	t.Cleanup(api.Close)
	s, err := NewSearch(api.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/search" || r.URL.Query().Get("q") != number.Digits() {
			http.Error(w, "?", http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, body)
	}
}

func TestAnEstablishmentIsFoundByItsSIRET(t *testing.T) {
	t.Parallel()
	s := answers(t, says(`{"results":[{"siren":"732829320","nom_complet":"ASSOCIATION CLIC ET SAPIN (CLIC)","nom_raison_sociale":"ASSOCIATION CLIC ET SAPIN",
		"nature_juridique":"9220","siege":{"siret":"73282932000066","adresse":"1 RUE X 75001 PARIS","code_postal":"75001","libelle_commune":"PARIS","etat_administratif":"A"},
		"matching_etablissements":[{"siret":"73282932000074","adresse":"43 ALLEE DES CERFS-VOLANTS 74230 THONES","code_postal":"74230","libelle_commune":"THONES","etat_administratif":"A"}],
		"new":{"fields":["are","let","be"]}}],"total_results":1}`))
	e, err := s.Find(t.Context(), number)
	want := Entity{Name: "Association Clic et Sapin", LegalForm: "Association", Street: "43 Allee des Cerfs-Volants", Postcode: "74230", Town: "Thones"}
	if err != nil || e != want {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestTheSeatCountsToo(t *testing.T) {
	t.Parallel()
	s := answers(t, says(`{"results":[{"nom_complet":"[NON-DIFFUSIBLE]","nature_juridique":"1000","siege":{"siret":"73282932000074",
		"adresse":"[NON-DIFFUSIBLE] 74230 THONES","code_postal":"74230","libelle_commune":"THONES","etat_administratif":"F"}}]}`))
	e, err := s.Find(t.Context(), number)
	if want := (Entity{LegalForm: "Entreprise individuelle", Postcode: "74230", Town: "Thones", Closed: true}); err != nil || e != want {
		t.Errorf("what may not be told is left out: %+v, %v", e, err)
	}
}

func TestAnotherEstablishmentIsNoAnswer(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"results":[]}`, `{}`, `{"results":[{"nom_complet":"X","siege":{"siret":"73282932000066"}}]}`} {
		if _, err := answers(t, says(body)).Find(t.Context(), number); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestWhatCannotBeReadIsNotReachable(t *testing.T) {
	t.Parallel()
	for name, say := range map[string]http.HandlerFunc{
		"no JSON": says("<html>"),
		"busy":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		},
		"too long": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"x":"`, strings.Repeat("a", largestBody), `"}`)
		},
		"breaks off":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"wrong types": says(`{"results":"none"}`),
	} {
		if _, err := answers(t, say).Find(t.Context(), number); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (Off{}).Find(t.Context(), number); !errors.Is(err, ErrUnreachable) {
		t.Errorf("off: %v", err)
	}
}

func TestASilentDirectoryIsLeft(t *testing.T) {
	t.Parallel()
	s := answers(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Find(ctx, number); !errors.Is(err, ErrUnreachable) {
		t.Errorf("%v", err)
	}
}

func TestOnlyAnAddressIsAnAddress(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "recherche.example", "ftp://x", "https://"} {
		if _, err := NewSearch(base); err == nil {
			t.Errorf("%q is taken", base)
		}
	}
}

func TestNamesAreWrittenAsPeopleDo(t *testing.T) {
	t.Parallel()
	for register, want := range map[string]string{
		"CCAS DE SAINT-JEAN-DE-SIXT": "CCAS de Saint-Jean-De-Sixt", "MJC DE L'ETOILE": "MJC de L'Etoile", "Clic et Sapin": "Clic et Sapin", "": "",
	} {
		if got := sensible(register); got != want {
			t.Errorf("%q: %q, want %q", register, got, want)
		}
	}
	for code, want := range map[string]string{"9220": "Association", "7361": "CCAS", "7210": "Commune", "5710": "SAS", "": "", "0000": ""} {
		if got := legalForm(code); got != want {
			t.Errorf("%q: %q, want %q", code, got, want)
		}
	}
}
