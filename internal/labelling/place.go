package labelling

import (
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/vouchers"
)

// Place is where mediation happens. Texts and lists that are empty are unknown.
type Place struct {
	ID        vouchers.PlaceID        `json:"id" db:"id"`
	Structure vouchers.OrganisationID `json:"structure,omitempty" db:"structure_id"` // 0: nobody answers for it yet
	Name      string                  `json:"name" db:"name"`
	Address   string                  `json:"address" db:"address"`
	Postcode  string                  `json:"postcode" db:"postcode"`
	Town      string                  `json:"town" db:"town"`
	INSEE     string                  `json:"insee" db:"insee"`
	Lat       *float64                `json:"lat" db:"lat"` // WGS 84; nil where not even the commune's is known
	Lon       *float64                `json:"lon" db:"lon"`
	Description
	Themes      []string      `json:"themes" db:"-"`                  // what its source says it does
	UpdatedOn   *vouchers.Day `json:"updated_on" db:"updated_on"`     // by its source
	CorrectedAt *time.Time    `json:"corrected_at" db:"corrected_at"` // last, by whoever looks after it; nil: never
	SureAt      time.Time     `json:"sure_at" db:"sure_at"`           // when somebody was last sure of the card
	ClosedAt    *time.Time    `json:"closed_at" db:"closed_at"`       // for good
	Stale       bool          `json:"stale" db:"-"`                   // the card is more than a year old
	Hidden      bool          `json:"hidden" db:"-"`                  // found no more: closed, or its card is too old
	Services    []Offer       `json:"services" db:"-"`                // what it offers
	Label       *Label        `json:"label" db:"-"`                   // in force or still to begin
	Labelled    bool          `json:"labelled" db:"-"`                // Label is in force today
	Ended       *Label        `json:"label_ended,omitempty" db:"-"`   // the last one taken back; told to its structure only
	Photo       *Photo        `json:"photo,omitempty" db:"-"`         // nil: there is none
	Listed      bool          `json:"-" db:"listed"`                  // false: its structure, unverified, added it
	Km          *float64      `json:"distance_km,omitempty" db:"km"`  // from where it was looked for
}

// Description is what can be told of a place besides its name and where it is: all that
// standard-mediation-num v1.0.2 has fields for, and languages. The values of lists are
// those of the standard, verbatim.
type Description struct {
	AddressExtra   string     `json:"address_extra" db:"address_extra"`
	Phone          string     `json:"phone" db:"phone"` // "+33450020000"
	Email          string     `json:"email" db:"email"`
	Website        string     `json:"website" db:"website"`
	Hours          string     `json:"hours" db:"hours"`     // OpenStreetMap opening_hours
	Summary        string     `json:"summary" db:"summary"` // 280 characters
	Presentation   string     `json:"presentation" db:"presentation"`
	Accessibility  string     `json:"accessibility" db:"accessibility"` // address of its page on acceslibre
	BookingURL     string     `json:"booking_url" db:"booking_url"`     // of an appointment page of its own
	Parent         string     `json:"parent" db:"parent"`               // the organisation above it
	OtherTrainings string     `json:"other_trainings" db:"other_trainings"`
	Kinds          db.Strings `json:"kinds" db:"kinds"`               // codes of typologie: "CCAS", "BIB"
	Mobilities     db.Strings `json:"mobilities" db:"mobilities"`     // itinerance
	Audiences      db.Strings `json:"audiences" db:"audiences"`       // publics_specifiquement_adresses
	SpecialCare    db.Strings `json:"special_care" db:"special_care"` // prise_en_charge_specifique
	Fees           db.Strings `json:"fees" db:"fees"`                 // frais_a_charge
	Programmes     db.Strings `json:"programmes" db:"programmes"`     // dispositif_programmes_nationaux
	Trainings      db.Strings `json:"trainings" db:"trainings"`       // formations_labels
	AccessWays     db.Strings `json:"access_ways" db:"access_ways"`   // modalites_acces
	SupportWays    db.Strings `json:"support_ways" db:"support_ways"` // modalites_accompagnement
	Languages      db.Strings `json:"languages" db:"languages"`       // ISO 639-1: "fr", "ar"; in no file
}

// Offer is a service of a place and its price. Package catalogue writes it.
type Offer struct {
	ID              vouchers.ServiceID `json:"id,omitempty" db:"id"` // told, never taken
	Theme           string             `json:"theme" db:"theme"`
	Title           string             `json:"title" db:"title"` // "": the theme says it all
	Description     string             `json:"description" db:"description"`
	Topics          db.Strings         `json:"topics" db:"topics"`       // La Coop's, by code
	Level           string             `json:"level" db:"level"`         // "", "beginner", "intermediate" or "advanced"
	Modes           db.Strings         `json:"modes" db:"modes"`         // of "individual", "group", "remote" and "self_service"
	Audiences       db.Strings         `json:"audiences" db:"audiences"` // values of the standard; empty: everybody
	PriceVouchers   int                `json:"price_vouchers" db:"price_vouchers"`
	Extra           vouchers.Cents     `json:"extra_cents" db:"extra_cents"` // what the person pays besides
	DurationMinutes int                `json:"duration_minutes" db:"duration_minutes"`
	Meetings        int                `json:"meetings" db:"meetings"` // of a course; the price is for all of them
}

// Free reports whether the service takes no voucher.
func (o Offer) Free() bool { return o.PriceVouchers == 0 }

// Record is a place as a source describes it. Its JSON names are columns of places.
type Record struct {
	SourceID      string      `json:"source_id"`
	SIRET         siret.SIRET `json:"siret"`
	OtherID       string      `json:"other_id"` // RNA or RIDET number
	Name          string      `json:"name"`
	Address       string      `json:"address"`
	Postcode      string      `json:"postcode"`
	INSEE         string      `json:"insee"` // any code; the place gets its commune's
	Town          string      `json:"town"`
	Lat           *float64    `json:"lat"` // nil: the place gets its commune's
	Lon           *float64    `json:"lon"`
	OtherEmails   db.Strings  `json:"other_emails"`
	OtherWebsites db.Strings  `json:"other_websites"`
	CollectedBy   string      `json:"collected_by"` // the standard's source
	Description
	Themes    []string      `json:"themes"`
	UpdatedOn *vouchers.Day `json:"updated_on"`
}

// Upserted counts what became of records.
type Upserted struct {
	Added, Updated, Unchanged int
	Same                      map[string]Known // by source id, those that are another source's
}

// Known is a place that another source has brought before.
type Known struct {
	Place vouchers.PlaceID `db:"place_id"`
	Name  string           `db:"name"`
}

// NearQuery says near what, and for whom.
type NearQuery struct {
	Lat, Lon float64
	Campaign vouchers.CampaignID // 0: any
	Limit    int                 // 0: three
	RadiusKm float64             // 0: however far
}
