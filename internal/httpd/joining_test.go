package httpd

import (
	"time"

	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/joining"
)

func init() {
	at := time.Unix(1e9, 0)
	link := []LinkView{{"/x", "X"}}
	samples["joining/join"] = JoinBody{Details: true, Answer: joining.Closed, Number: "732 829 320 00074", Form: JoinForm{SIRET: "73282932000074", Name: "N"}, Field: "name", Problem: "P"}
	samples["joining/sent"] = SentBody{Email: "ana@exemple.example", Hours: 48}
	samples["joining/link"] = LinkBody{Invitation: joining.Invitation{Structure: "S", Person: "Ana", Email: "ana@exemple.example"}, Problem: "P"}
	samples["joining/progress"] = ProgressBody{Name: "S", Unverified: true, Left: 12, MayChange: true,
		Steps: []StepView{{Name: "places", Kind: "stop", State: "À faire", Text: "T", Minutes: 2, Links: link}}}
	samples["joining/newcomers"] = NewcomersBody{MayVerify: true, Items: []NewcomerView{{Register: "https://example.org", Where: []NewcomerPlace{{"/x", "X", "/y"}},
		Newcomer: joining.Newcomer{Organisation: identity.Organisation{ID: 1, Name: "S", LegalForm: "Association", UnverifiedSince: &at}}}}}
	samples["labelling/where"] = WhereBody{ID: 1, Name: "N", Form: WhereForm{Lat: "45", Lon: "6"}, Communes: []string{"Thônes", "Manigod"}, Field: "town", Problem: "P"}
	samples["labelling/hours"] = HoursBody{ID: 1, Name: "N", Plain: true, Days: []DayView{{"lundi", []RangeView{{"from-0", "to-0", "09:00", "12:00", "Matin"}}}},
		Holidays: true, Note: "x", Lines: []string{"lundi"}, Field: "from-0", Problem: "P"}
	samples["labelling/access"] = AccessBody{ID: 1, Name: "N", Lists: []CheckList{{"fees", "T", "H", []checkBox{{"Gratuit", "Gratuit", true}}}}, Field: "phone", Problem: "P"}
	samples["labelling/photo"] = PhotoBody{ID: 1, Name: "N", Address: "/places/1/photo?v=x", Alt: "Une porte", Megabytes: 5, Field: "alt", Problem: "P"}
	samples["labelling/history"] = HistoryBody{ID: 1, Name: "N", MayChange: true, Problem: "P",
		Entries: []EntryView{{ID: 3, At: at, Who: "Ana", What: "Fiche modifiée", Fields: []FieldView{{"phone", "Téléphone", "a", "b"}}}}}
}
