package demo

import (
	"context"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/passerelle/passerelle/internal/applications"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/internal/vop"
	"github.com/passerelle/passerelle/vouchers"
)

// atOnce is how many organisations open at the same time: hashing a password is the
// slowest thing in the play.
const atOnce = 3

// thirdEvery is which structures have somebody for finance: each person costs two
// hashed passwords, and small structures rarely have one.
const thirdEvery = 3

// newPerDay bounds how many organisations open on a day. All sign in from one address,
// and the service counts that.
const newPerDay = 12

// house is an organisation and its people.
type house struct {
	ID     vouchers.OrganisationID
	Name   string
	admin  *Account
	agent  *Account // the daily work
	third  *Account // finance, or reader for a prescriber; nil in some structures
	number int      // among all, for invented numbers
}

// structure is a house with places.
type structure struct {
	house
	places []*place
}

// planHouses opens the operator's house first, then the others, a dozen a day.
func (p *play) planHouses(chosen []group) {
	number := 1
	p.on(0, 8, "places", p.openOperator)
	for i, name := range cast.Funders {
		p.funders = append(p.funders, &house{Name: name, number: number + i})
	}
	number += len(cast.Funders)
	for i, name := range cast.Prescribers {
		p.prescribers = append(p.prescribers, &house{Name: name, number: number + i})
	}
	number += len(cast.Prescribers)
	p.on(0, 9, "houses", func(ctx context.Context) error {
		if err := p.openAll(ctx, p.funders, identity.Funder, "financeur"); err != nil {
			return err
		}
		return p.openAll(ctx, p.prescribers, identity.Prescriber, "prescripteur")
	})
	for i, g := range chosen {
		s := &structure{house: house{Name: g.name(), number: number + i}, places: g.places}
		p.structures = append(p.structures, s)
	}
	for first := 0; first < len(p.structures); first += newPerDay {
		todays := p.structures[first:min(first+newPerDay, len(p.structures))]
		p.on(1+first/newPerDay, 9, "structures", func(ctx context.Context) error { return p.openStructures(ctx, todays, chosen[first:]) })
	}
}

// openOperator signs the admin in, adds its colleagues, publishes the price of the service
// and imports the places.
func (p *play) openOperator(ctx context.Context) error {
	h := &house{Name: TheOperator().Name, admin: p.Admin}
	h.admin.Organisation, h.admin.Kind, h.admin.Role = h.Name, identity.Operator, identity.Admin
	p.operator = h
	if err := p.signIn(ctx, h.admin); err != nil {
		return err
	}
	if err := p.addColleagues(ctx, h, "operateur"); err != nil {
		return err
	}
	p.list(h)
	tariff := orders.NewTariff{FromOn: p.date(0), FeeRate: 300, Booklet: 1_20, VATRate: 2000, ValidityDays: 30, FeesRefunded: true, Terms: cast.Terms}
	if err := h.third.post(ctx, "/tariffs", tariff, nil); err != nil {
		return err
	}
	err := h.agent.do(ctx, call{method: http.MethodPost, path: "/places/import?source=" + p.Source, in: p.Places, kind: "text/csv"})
	if err != nil {
		return err
	}
	return p.findPlaces(ctx)
}

func (p *play) openAll(ctx context.Context, houses []*house, kind identity.Kind, word string) error {
	return p.together(len(houses), func(i int) error {
		return p.openHouse(ctx, houses[i], kind, fmt.Sprintf("%s-%d", word, i+1))
	}, func(i int) { p.list(houses[i]) })
}

// list adds a house's people to the result.
func (p *play) list(h *house) {
	for _, a := range []*Account{h.admin, h.agent, h.third} {
		if a != nil {
			p.accounts = append(p.accounts, a)
		}
	}
}

// together does n things, some at a time, then what comes after each, in order.
func (p *play) together(n int, do func(i int) error, after func(i int)) error {
	var all errgroup.Group
	all.SetLimit(atOnce)
	for i := range n {
		all.Go(func() error { return do(i) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	for i := range n {
		after(i)
	}
	return nil
}

// openHouse lets the operator open an organisation; its admin then adds two people.
func (p *play) openHouse(ctx context.Context, h *house, kind identity.Kind, domain string) error {
	return p.openHouseAs(ctx, h, kind, domain, inventedSIRET(h.number))
}

func (p *play) openHouseAs(ctx context.Context, h *house, kind identity.Kind, domain, siret string) error {
	h.admin = p.account(h.Name, kind, identity.Admin, domain)
	town := p.townFor(h.number)
	request := identity.NewOrganisation{Kind: kind, Name: h.Name, SIRET: siret, Email: "contact@" + domain + ".example",
		Street: streetOf(h.number), Postcode: town.Postcodes[0], Town: town.Name,
		Admin: identity.NewMember{Name: personName(3 * h.number), Email: h.admin.Email, Password: h.admin.Password, Role: identity.Admin}}
	var made identity.Organisation
	if err := p.operator.agent.post(ctx, "/organisations", request, &made); err != nil {
		return err
	}
	h.ID = made.ID
	if err := p.signIn(ctx, h.admin); err != nil {
		return err
	}
	return p.addColleagues(ctx, h, domain)
}

// townFor spreads the organisations over the towns of the places.
func (p *play) townFor(n int) territory.Commune {
	s := p.structures[n%len(p.structures)]
	town, _ := territory.Lookup(s.places[0].record.INSEE)
	if len(town.Postcodes) == 0 {
		town.Postcodes = []string{s.places[0].record.Postcode}
	}
	return town
}

func (p *play) addColleagues(ctx context.Context, h *house, domain string) error {
	last := identity.Finance
	if h.admin.Kind == identity.Prescriber {
		last = identity.Reader
	}
	h.agent = p.account(h.Name, h.admin.Kind, identity.Agent, domain)
	colleagues := []*Account{h.agent}
	if h.admin.Kind != identity.Structure || h.number%thirdEvery == 0 {
		h.third = p.account(h.Name, h.admin.Kind, last, domain)
		colleagues = append(colleagues, h.third)
	}
	for i, a := range colleagues {
		member := identity.NewMember{Name: personName(3*h.number + 1 + i), Email: a.Email, Password: a.Password, Role: a.Role}
		if err := h.admin.post(ctx, "/members", member, nil); err != nil {
			return err
		}
		if err := p.signIn(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) account(name string, kind identity.Kind, role identity.Role, domain string) *Account {
	return &Account{Organisation: name, Kind: kind, Role: role, Email: fmt.Sprintf("%s@%s.example", role, domain), Password: Password()}
}

// signIn gets an account's API token.
func (p *play) signIn(ctx context.Context, a *Account) error {
	a.client = p.client
	request := struct {
		Email    string `json:"email"`
		Password string `json:"password"`
		identity.NewToken
	}{a.Email, a.Password, identity.NewToken{Label: "demo", Scopes: identity.Scopes, Days: 366}}
	var token identity.Token
	if err := a.post(ctx, "/tokens", request, &token); err != nil {
		return err
	}
	a.Token = token.Secret
	return nil
}

// openStructures opens structures, which claim their places, price their services and
// say where their money goes; the operator then labels the places.
func (p *play) openStructures(ctx context.Context, todays []*structure, groups []group) error {
	err := p.together(len(todays), func(i int) error {
		s := todays[i]
		siret := groups[i].siret
		if siret == "" {
			siret = inventedSIRET(s.number)
		}
		if err := p.openHouseAs(ctx, &s.house, identity.Structure, fmt.Sprintf("structure-%02d", s.number-len(p.funders)-len(p.prescribers)), siret); err != nil {
			return err
		}
		return p.equip(ctx, s)
	}, func(i int) { p.list(&todays[i].house) })
	if err != nil {
		return err
	}
	for _, s := range todays {
		for _, place := range s.places {
			id, err := p.apply(ctx, s, place, "")
			if err != nil {
				return err
			}
			yes := applications.Decision{Decision: "grant", EndsOn: p.date(lasts + 300)}
			if err := p.operator.agent.post(ctx, fmt.Sprintf("/applications/%d/decision", id), yes, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *play) equip(ctx context.Context, s *structure) error {
	for _, place := range s.places {
		if err := s.agent.post(ctx, fmt.Sprintf("/places/%d/claim", place.id), struct{}{}, nil); err != nil {
			return err
		}
		services := map[string]any{"services": place.offers}
		if err := s.agent.put(ctx, fmt.Sprintf("/places/%d/services", place.id), services); err != nil {
			return err
		}
	}
	return p.giveAccount(ctx, s, s.number)
}

// tellBank tells where a structure's money goes.
func (p *play) tellBank(ctx context.Context, s *structure, number int) (payees.Account, error) {
	given := payees.Given{IBAN: inventedIBAN(number), Holder: sepaName(s.Name)}
	slip, err := paper("Relevé d'identité bancaire", "Banque inventée", "", "Titulaire : "+given.Holder, "IBAN : "+given.IBAN)
	if err != nil {
		return payees.Account{}, err
	}
	given.Proof = files.Upload{Name: "RIB.pdf", Content: slip}
	var account payees.Account
	err = s.admin.do(ctx, call{method: http.MethodPut, path: "/bank-details", in: given, out: &account})
	return account, err
}

// giveAccount does so, and the operator makes sure of it; for a change a second person says
// yes.
func (p *play) giveAccount(ctx context.Context, s *structure, number int) error {
	account, err := p.tellBank(ctx, s, number)
	if err != nil {
		return err
	}
	path := fmt.Sprintf("/payees/%d", account.ID)
	call := payees.Verification{Match: vop.Full, How: "Appel au numéro de la convention ; l’IBAN a été relu au téléphone."}
	if err := p.operator.agent.post(ctx, path+"/verification", call, nil); err != nil || !account.Changes {
		return err
	}
	return p.operator.third.post(ctx, path+"/approval", struct{}{}, nil)
}

// sepaName is a name within the 70 characters of a transfer.
func sepaName(name string) string {
	if letters := []rune(name); len(letters) > 70 {
		return string(letters[:70])
	}
	return name
}
