package documents

import (
	"io"
	"strings"
	"testing"
	"time"
)

func sampleSlip() Slip {
	start := time.Date(2026, 12, 3, 13, 0, 0, 0, time.UTC)
	return Slip{Reference: "R000042", Heading: "Le rendez-vous est réservé", Name: "Premiers pas : téléphone, ordinateur, e-mail",
		Meetings: []Meeting{{start, start.Add(90 * time.Minute)}, {start.AddDate(0, 0, 7), start.AddDate(0, 0, 7).Add(90 * time.Minute)}},
		Place:    "Maison France services de Thônes", Address: "1 place de l’Hôtel-de-Ville, 74230 Thônes", Phone: "04 50 02 91 44", HelpPhone: "04 50 00 12 34",
		Vouchers: 2, Extra: 1_50, Costs: 1, Bring: "Sonnez au portail vert.", CancelUntil: start.AddDate(0, 0, -1), BookedAt: start.AddDate(0, 0, -9)}
}

func TestASlipSaysWhenWhereAndHowToCancel(t *testing.T) {
	t.Parallel()
	pdf := written(t, func(out io.Writer) error { return WriteSlip(out, speaking(t, "fr"), sampleSlip()) })
	text := textOf(t, "slip.pdf", pdf)
	for _, want := range []string{"R000042", "jeudi 3 décembre 2026", "jeudi 10 décembre 2026", "Maison France services de Thônes", "04 50 02 91 44",
		"2 chèques sont mis de côté", "Sonnez au portail vert.", "mercredi 2 décembre 2026", "peut prendre 1 chèque", "04 50 00 12 34"} {
		if !strings.Contains(text, want) {
			t.Errorf("the slip does not say %q:\n%s", want, text)
		}
	}
}

func TestTheSlipOfALongCourseGoesOnASecondPage(t *testing.T) {
	t.Parallel()
	s := sampleSlip()
	for n := 2; n < 30; n++ {
		at := s.Meetings[0].Start.AddDate(0, 0, 7*n)
		s.Meetings = append(s.Meetings, Meeting{at, at.Add(time.Hour)})
	}
	pdf := written(t, func(out io.Writer) error { return WriteSlip(out, speaking(t, "fr"), s) })
	if text := textOf(t, "slip.pdf", pdf); !strings.Contains(text, "peut prendre 1 chèque") {
		t.Errorf("the end is missing:\n%s", text)
	}
}
