// Package directory asks the public directory of legal entities who stands behind a SIRET, so
// that nobody types what the State publishes. It knows no room.
package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/siret"
)

// Entity is an establishment and the legal entity that it is of, as the directory has them.
// Texts that the directory does not have, or may not tell, are empty.
type Entity struct {
	Name      string // of the legal entity
	LegalForm string // in French words: "Association", "Commune"; "" where we have none
	Street    string
	Postcode  string
	Town      string
	Closed    bool // the establishment has ceased its activity
}

// Why there is no answer.
var (
	ErrUnknown     = errors.New("directory: no establishment with this SIRET")
	ErrUnreachable = errors.New("directory: not reachable") // or switched off
)

// Directory finds establishments. Its errors are ErrUnknown and ErrUnreachable.
type Directory interface {
	Find(ctx context.Context, number siret.SIRET) (Entity, error)
}

// Off is the directory of a service that has none.
type Off struct{}

// Find says that nobody can be asked.
func (Off) Find(context.Context, siret.SIRET) (Entity, error) { return Entity{}, ErrUnreachable }

const (
	patience    = 4 * time.Second // somebody waits at a form
	largestBody = 1 << 20
)

// Search asks the API "Recherche d'entreprises"
// (https://recherche-entreprises.api.gouv.fr/docs), which needs no key.
type Search struct {
	base   string
	client *http.Client
}

// NewSearch makes the connector for the API at base, an http or https address.
func NewSearch(base string) (*Search, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("directory: the address is none like https://host")
	}
	return &Search{base: strings.TrimSuffix(base, "/"), client: &http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Find asks once: whoever waits can type the name instead.
func (s *Search) Find(ctx context.Context, number siret.SIRET) (Entity, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	query := url.Values{"q": {number.Digits()}, "page": {"1"}, "per_page": {"1"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/search?"+query.Encode(), nil)
	if err != nil {
		return Entity{}, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	request.Header.Set("Accept", "application/json")
	answer, err := s.client.Do(request)
	if err != nil {
		return Entity{}, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return Entity{}, fmt.Errorf("%w: status %d", ErrUnreachable, answer.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, largestBody+1))
	if err != nil || len(body) > largestBody {
		return Entity{}, fmt.Errorf("%w: the answer is too long, or broke off", ErrUnreachable)
	}
	return read(body, number)
}

// found is what we read of the API's answer.
type found struct {
	Results []struct {
		Name     string          `json:"nom_raison_sociale"`
		FullName string          `json:"nom_complet"`
		Form     string          `json:"nature_juridique"`
		Seat     establishment   `json:"siege"`
		Matching []establishment `json:"matching_etablissements"`
	} `json:"results"`
}

type establishment struct {
	SIRET    string `json:"siret"`
	Address  string `json:"adresse"`
	Postcode string `json:"code_postal"`
	Town     string `json:"libelle_commune"`
	State    string `json:"etat_administratif"` // "A": active, "F": closed
}

func read(body []byte, number siret.SIRET) (Entity, error) {
	var f found
	if err := json.Unmarshal(body, &f); err != nil {
		return Entity{}, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	for _, r := range f.Results {
		for _, e := range append(r.Matching, r.Seat) {
			if e.SIRET != number.Digits() {
				continue
			}
			name := told(r.Name)
			if name == "" {
				name = told(r.FullName)
			}
			postcode, town := told(e.Postcode), told(e.Town)
			return Entity{Name: sensible(name), LegalForm: legalForm(r.Form), Street: sensible(streetOf(told(e.Address), postcode, town)),
				Postcode: postcode, Town: sensible(town), Closed: e.State == "F"}, nil
		}
	}
	return Entity{}, ErrUnknown
}

// told leaves out what a person has asked INSEE not to tell.
func told(text string) string {
	if strings.Contains(text, "NON-DIFFUSIBLE") {
		return ""
	}
	return strings.TrimSpace(text)
}

// streetOf is an address up to its postcode and town.
func streetOf(address, postcode, town string) string {
	street, ok := strings.CutSuffix(address, strings.TrimSpace(postcode+" "+town))
	if !ok && postcode != "" {
		street, _, _ = strings.Cut(address, " "+postcode+" ")
	}
	return strings.TrimSpace(street)
}
