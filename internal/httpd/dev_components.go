package httpd

import (
	"html/template"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// componentsSample is invented data for each component of home/components.html.
func componentsSample() any {
	type line struct{ Field, Text string }
	type step struct{ Text, State string }
	type part struct {
		Label string
		Cents vouchers.Cents
	}
	type bar struct {
		Label, Text string
		Value       any
		Highlight   bool
	}
	type river struct {
		Title, Asleep                             string
		Ordered, Received, HandedOver, Used, Paid vouchers.Cents
	}
	type cover struct {
		Title, HeldLabel string
		Held             vouchers.Cents
		Parts            []part
	}
	type chart struct {
		Title, LabelHead, ValueHead string
		Max                         any
		Rows                        []bar
	}
	type booklet struct {
		Count, Left  int
		Value, Face  vouchers.Cents
		Until        vouchers.Day
		Funder, Code string
		QR           template.HTML
	}
	type place struct {
		Name, Address, Href, Phone, Dial, Hours, Route, Services string
		Accepts, HasDistance, Stale                              bool
		Km                                                       float64
	}
	type row struct {
		Href, Name, Kind, State string
		Day                     vouchers.Day
		Cents                   vouchers.Cents
	}
	type field struct {
		Label, Hint, Error string
		Options            []struct{ Value, Text string }
	}
	return struct {
		Problems []line
		Steps    []step
		River    river
		Cover    cover
		Chart    chart
		Booklet  booklet
		Place    place
		Rows     []row
		Field    field
	}{
		Problems: []line{{"siret", "SIRET"}},
		Steps:    []step{{"1", "done"}, {"2", "current"}, {"3", "todo"}},
		River:    river{Title: "Campagne A", Asleep: "12", Ordered: 12_000_00, Received: 12_000_00, HandedOver: 9_000_00, Used: 5_400_00, Paid: 4_100_00},
		Cover:    cover{Title: "A", HeldLabel: "B", Held: 12_000_00, Parts: []part{{"C", 3_600_00}, {"D", 1_300_00}, {"E", 3_000_00}}},
		Chart:    chart{Title: "A", LabelHead: "B", ValueHead: "C", Max: 30, Rows: []bar{{"1", "12", 12, false}, {"2", "30", 30, true}, {"3", "0", 0, false}}},
		Booklet: booklet{Count: 10, Left: 8, Value: 80_00, Face: 10_00, Until: vouchers.DayOf(time.Date(2027, 3, 31, 12, 0, 0, 0, time.UTC)),
			Funder: "A", Code: "ABCDEFGHJKMNPQR"},
		Place: place{Name: "A", Address: "1 rue B, 74230 Thônes", Href: "#", Phone: "04 65 71 00 00", Dial: "+33465710000", Accepts: true, HasDistance: true, Km: 2.4},
		Rows:  []row{{Href: "#", Name: "A", Kind: "done", State: "ok", Cents: 120_00}, {Href: "#", Name: "B", Kind: "stop", State: "no", Cents: 1_250_00}},
		Field: field{Label: "A", Hint: "B", Error: "C", Options: []struct{ Value, Text string }{{"1", "D"}}},
	}
}
