package labelling

import (
	"time"

	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/vouchers"
)

// Place is where mediation happens. Texts that are empty are unknown.
type Place struct {
	ID            vouchers.PlaceID        `json:"id" db:"id"`
	Structure     vouchers.OrganisationID `json:"structure,omitempty" db:"structure_id"` // 0: nobody answers for it yet
	Name          string                  `json:"name" db:"name"`
	Address       string                  `json:"address" db:"address"`
	Postcode      string                  `json:"postcode" db:"postcode"`
	Town          string                  `json:"town" db:"town"`
	INSEE         string                  `json:"insee" db:"insee"`
	Lat           *float64                `json:"lat" db:"lat"` // WGS 84; nil where not even the commune's is known
	Lon           *float64                `json:"lon" db:"lon"`
	Phone         string                  `json:"phone" db:"phone"` // "+33450020000"
	Email         string                  `json:"email" db:"email"`
	Website       string                  `json:"website" db:"website"`
	Hours         string                  `json:"hours" db:"hours"` // OpenStreetMap opening_hours
	Themes        []string                `json:"themes" db:"-"`    // what its source says it does
	Presentation  string                  `json:"presentation" db:"presentation"`
	Accessibility string                  `json:"accessibility" db:"accessibility"` // address of its page on acceslibre
	UpdatedOn     *vouchers.Day           `json:"updated_on" db:"updated_on"`       // by its source
	CorrectedAt   *time.Time              `json:"corrected_at" db:"corrected_at"`   // last, by its structure; nil: never
	Services      []Offer                 `json:"services" db:"-"`                  // what it offers, priced in vouchers
	Label         *Label                  `json:"label" db:"-"`                     // in force or still to begin
	Labelled      bool                    `json:"labelled" db:"-"`                  // Label is in force today
	Ended         *Label                  `json:"label_ended,omitempty" db:"-"`     // the last one taken back; told to its structure only
	Km            *float64                `json:"distance_km,omitempty" db:"km"`    // from where it was looked for
}

// Offer is a service of a place and its price. Package catalogue writes it.
type Offer struct {
	Theme           string `json:"theme" db:"theme"`
	PriceVouchers   int    `json:"price_vouchers" db:"price_vouchers"`
	DurationMinutes int    `json:"duration_minutes" db:"duration_minutes"`
}

// Record is a place as a source describes it. Its JSON names are columns of places.
type Record struct {
	SourceID      string        `json:"source_id"`
	SIRET         siret.SIRET   `json:"siret"`
	Name          string        `json:"name"`
	Address       string        `json:"address"`
	Postcode      string        `json:"postcode"`
	INSEE         string        `json:"insee"` // any code; the place gets its commune's
	Town          string        `json:"town"`
	Lat           *float64      `json:"lat"` // nil: the place gets its commune's
	Lon           *float64      `json:"lon"`
	Phone         string        `json:"phone"`
	Email         string        `json:"email"`
	Website       string        `json:"website"`
	Hours         string        `json:"hours"`
	Themes        []string      `json:"themes"`
	Presentation  string        `json:"presentation"`
	Accessibility string        `json:"accessibility"`
	UpdatedOn     *vouchers.Day `json:"updated_on"`
}

// Upserted counts what became of records.
type Upserted struct{ Added, Updated, Unchanged int }

// NearQuery says near what, and for whom.
type NearQuery struct {
	Lat, Lon float64
	Campaign vouchers.CampaignID // 0: any
	Limit    int                 // 0: three
	RadiusKm float64             // 0: however far
}
