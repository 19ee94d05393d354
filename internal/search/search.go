// Package search finds places as people ask for them: "où apprendre à envoyer un mail vers
// Annecy", "mon telephone bug". A question is understood in Go, by a thesaurus kept as data;
// PostgreSQL finds the places; every answer says why it is there, and no question is left
// without one.
package search

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// Service is the use cases of search. It writes nothing.
type Service struct {
	db *db.DB

	mu     sync.Mutex
	words  []string // of places' names, for slips of the finger
	readAt time.Time
}

// New makes the service.
func New(d *db.DB) *Service { return &Service{db: d} }

// Request is a question. All of it may be absent.
type Request struct {
	Query   string // as asked; it may say where
	Near    string // a commune or a postcode, as typed; it wins over what Query says
	Commune string // its INSEE code, which wins over Near
	Wishes
	Old   bool   // places whose card is too old, or that have closed, too: for whoever looks for its own
	Limit int    // 0: 20; 100 at most
	After string // Next of the page before
}

// Wishes are what a place must have. They are let go where nothing has them, the first of
// wishes last.
type Wishes struct {
	Labelled   bool                // takes vouchers today
	Campaign   vouchers.CampaignID // of this campaign; 0: any
	RadiusKm   float64             // 0: however far
	Wheelchair bool
	Language   string // ISO 639-1, or "fsl" for French sign language
	Free       bool
	Seats      bool // a session with seats within 14 days
	OpenNow    bool
}

// seatDays is how far ahead a seat is looked for.
const seatDays = 14

// Found is one page of answers, the best first.
type Found struct {
	Meaning Meaning
	Commune *territory.Commune  // from where distances are measured; nil when unknown
	Others  []territory.Commune // that what was typed may also mean
	Hits    []Hit
	LetGo   []string // names of wishes that nothing fulfils: "open_now"; "words" for the whole question
	Unknown []string // words of the question that no place has
	Next    string   // for Request.After; "" at the end
}

// Hit is a place that was found, and why.
type Hit struct {
	labelling.Place
	Offers    []string         `json:"why_themes"` // themes asked for that it offers, or says that it does
	Named     bool             `json:"why_name"`   // its name has words of the question
	Kind      bool             `json:"why_kind"`   // it is of the kind asked for
	Seats     bool             `json:"has_seats"`  // within 14 days
	OpenUntil *catalogue.Clock `json:"open_until"` // now; nil: closed, or unknown
}

// Does reports whether the place offers a theme, or its source says that it does.
func (h Hit) Does(theme string) bool {
	return slices.Contains(h.Themes, theme) || slices.ContainsFunc(h.Services, func(o labelling.Offer) bool { return o.Theme == theme })
}

// Find answers anyone.
func (s *Service) Find(ctx context.Context, _ identity.Actor, req Request) (Found, error) {
	offset := 0
	if req.After != "" {
		n, err := strconv.Atoi(req.After)
		if err != nil || n < 0 || n > deepest {
			return Found{}, fault.New(fault.Invalid, "invalid_input", "field", "after")
		}
		offset = n
	}
	if req.Limit = min(req.Limit, 100); req.Limit < 1 {
		req.Limit = 20
	}
	f := Found{Meaning: Understand(req.Query)}
	f.Commune, f.Others = where(req)
	if f.Commune == nil && req.Near != "" {
		return f, nil
	}
	if f.Commune == nil {
		f.Commune = f.Meaning.Commune
	}
	err := s.db.Read(ctx, func(tx *db.Tx) error { return s.answer(ctx, tx, req, &f, offset) })
	return f, err
}

// deepest is how many answers one may page through.
const deepest = 10_000

// answer tries with all wishes, then lets them go one by one.
func (s *Service) answer(ctx context.Context, tx *db.Tx, req Request, f *Found, offset int) error {
	names, err := s.readNames(ctx, tx, f)
	if err != nil {
		return err
	}
	q := query{meaning: f.Meaning, names: names, wishes: req.Wishes.with(f.Meaning), old: req.Old, from: f.Commune, limit: offset + req.Limit + 1, first: offset == 0}
	for {
		hits, err := s.look(ctx, tx, q)
		if err != nil {
			return err
		}
		if len(hits) > 0 || offset > 0 {
			f.fill(hits, offset, req.Limit)
			if f.Next == "" && len(hits) >= q.enough() {
				f.Next = strconv.Itoa(len(hits)) // there may be more, farther away
			}
			return nil
		}
		gone, more := q.letGo()
		if !more {
			return nil
		}
		f.LetGo = append(f.LetGo, gone)
	}
}

func (f *Found) fill(hits []Hit, offset, limit int) {
	if len(hits) > offset+limit {
		hits = hits[:offset+limit]
		f.Next = strconv.Itoa(offset + limit)
	}
	f.Hits = hits[min(offset, len(hits)):]
}

// look finds candidates near enough, then those that are open where that is asked.
func (s *Service) look(ctx context.Context, tx *db.Tx, q query) ([]Hit, error) {
	var found []candidate
	for _, radius := range q.radii() {
		var err error
		if found, err = candidates(ctx, tx, q, radius); err != nil {
			return nil, err
		}
		if len(found) >= q.enough() {
			break
		}
	}
	ids := make([]vouchers.PlaceID, len(found))
	for i, c := range found {
		ids[i] = c.ID
	}
	places, err := labelling.Places(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	var hits []Hit
	for i, p := range places {
		p.Km = found[i].Km
		h := Hit{Place: p, Named: found[i].Named > 0, Kind: found[i].Kind, Seats: found[i].Seats}
		for _, theme := range q.meaning.Themes {
			if h.Does(theme) {
				h.Offers = append(h.Offers, theme)
			}
		}
		if until, open := catalogue.OpenUntil(p.Hours, tx.Now); open {
			h.OpenUntil = &until
		}
		if !q.wishes.OpenNow || h.OpenUntil != nil {
			hits = append(hits, h)
		}
	}
	return hits, nil
}

// where is the commune that somebody means, the likeliest where several are possible, and
// the others to choose from.
func where(req Request) (*territory.Commune, []territory.Commune) {
	if c, known := territory.Lookup(req.Commune); known {
		return &c, nil
	}
	found := territory.Search(req.Near, 8)
	if len(found) == 0 {
		return nil, nil
	}
	named := slices.DeleteFunc(slices.Clone(found), func(c territory.Commune) bool {
		return territory.Fold(c.Name) != territory.Fold(req.Near)
	})
	if len(named) > 0 {
		found = named
	}
	return &found[0], found[1:]
}

// vocabularyLife is how old the words of places' names may be: it only matters for slips.
const vocabularyLife = 5 * time.Minute

// readNames keeps of the words that were not understood those that places have, mending
// slips; the others are told.
func (s *Service) readNames(ctx context.Context, tx *db.Tx, f *Found) ([]string, error) {
	if len(f.Meaning.Names) == 0 {
		return nil, nil
	}
	words, err := s.vocabulary(ctx, tx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, typed := range f.Meaning.Names[:min(len(f.Meaning.Names), mostNames)] {
		at, exact := slices.BinarySearch(words, typed)
		if exact || at < len(words) && len(typed) >= 3 && len(words[at]) > len(typed) && words[at][:len(typed)] == typed {
			names = append(names, typed)
		} else if meant := nearestWord(typed, words); meant != "" {
			names = append(names, meant)
		} else {
			f.Unknown = append(f.Unknown, typed)
		}
	}
	return names, nil
}

const mostNames = 8 // words of a question that are looked for in names

func (s *Service) vocabulary(ctx context.Context, tx *db.Tx) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := tx.Now.Sub(s.readAt); s.words != nil && age >= 0 && age < vocabularyLife {
		return s.words, nil
	}
	words, err := placeWordsOf(ctx, tx)
	if err != nil {
		return nil, err
	}
	s.words, s.readAt = words, tx.Now
	return words, nil
}
