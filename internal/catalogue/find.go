package catalogue

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// FindRequest is what somebody looks for. All of it may be absent.
type FindRequest struct {
	Near         string // a commune or a postcode, as typed
	Commune      string // its INSEE code, which wins over Near
	Query        string // words of a place's name, town or services
	LabelledOnly bool
	Limit        int    // 0: 20; 100 at most
	After        string // Next of the page before
}

// Found is one page of places: the nearest first, or the oldest where no commune was
// understood.
type Found struct {
	Commune *territory.Commune  // from where distances are measured; nil when unknown
	Others  []territory.Commune // that what was typed may also mean
	Places  []labelling.Place
	Next    string // for FindRequest.After; "" at the end
}

// Find looks places up for anyone.
func (s *Service) Find(ctx context.Context, _ identity.Actor, req FindRequest) (Found, error) {
	last, err := readAfter(req.After)
	if err != nil {
		return Found{}, err
	}
	if req.Limit = min(req.Limit, 100); req.Limit < 1 {
		req.Limit = 20
	}
	var f Found
	f.Commune, f.Others = where(req)
	if f.Commune == nil && req.Near != "" {
		return f, nil
	}
	err = s.db.Read(ctx, func(tx *db.Tx) error { return f.read(ctx, tx, req, last) })
	return f, err
}

// read fetches one place more than asked for, which tells whether there is a next page.
func (f *Found) read(ctx context.Context, tx *db.Tx, req FindRequest, last after) error {
	hits, err := find(ctx, tx, query{from: f.Commune, terms: readTerms(req.Query), labelledOnly: req.LabelledOnly, after: last, limit: req.Limit + 1})
	if err != nil {
		return err
	}
	if len(hits) > req.Limit {
		hits = hits[:req.Limit]
		end := hits[req.Limit-1]
		f.Next = after{end.order(), end.ID}.String()
	}
	ids := make([]vouchers.PlaceID, len(hits))
	for i, h := range hits {
		ids[i] = h.ID
	}
	if f.Places, err = labelling.Places(ctx, tx, ids); err != nil {
		return err
	}
	for i := range f.Places {
		f.Places[i].Km = hits[i].Km
	}
	return nil
}
