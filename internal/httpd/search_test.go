package httpd

import (
	"strings"
	"testing"
	"time"
)

func TestOnlyTheWidgetStandsInAnotherSitesFrame(t *testing.T) {
	t.Parallel()
	_, site := desk(t)
	answer, text := site.ask("GET", "/widget?near=annecy&q=impots", "", "Cookie", "session=x; flash=y")
	if policy := answer.Header.Get("Content-Security-Policy"); answer.StatusCode != 200 || !strings.HasSuffix(policy, "frame-ancestors *") || !strings.Contains(policy, "default-src 'self'") ||
		len(answer.Cookies()) != 0 || strings.Contains(text, "<header") || !strings.Contains(text, `target="_blank" rel="noopener"`) || strings.Contains(text, "<script") {
		t.Errorf("%d %v %s", answer.StatusCode, answer.Header, text)
	}
	for _, path := range []string{"/places?near=annecy", "/widget/new", "/", "/data"} {
		if answer, _ := site.ask("GET", path, ""); !strings.HasSuffix(answer.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s may be framed", path)
		}
	}
	_, text = site.ask("GET", "/widget/new?near=Ann%22ecy&labelled=true", "")
	if !strings.Contains(text, "&lt;iframe src=&#34;") || !strings.Contains(text, "near=Ann%22ecy") || strings.Contains(text, `near=Ann"ecy`) {
		t.Errorf("%s", text)
	}
}

func TestWhoeverHasABookletOpenFindsWhereItIsTaken(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	w.NewPlace("Atelier des Aravis", "")
	b := w.HandOver(w.Campaign, 8)
	const box = "Prend mes chèques"
	if _, text := site.ask("GET", "/places?near=Thônes&mine=true", ""); strings.Contains(text, box) || !strings.Contains(text, "Atelier des Aravis") {
		t.Error("without a booklet the filter is there, or does something")
	}
	booklet := "__Host-code=" + w.Keys.Seal(payloadIn(b), w.Clock.Now().Add(time.Minute))
	if _, text := site.ask("GET", "/places?near=Thônes", "", "Cookie", booklet); !strings.Contains(text, box) || !strings.Contains(text, "Atelier des Aravis") {
		t.Error("the filter is not offered, or does something before it is asked for")
	}
	_, text := site.ask("GET", "/places?near=Thônes&mine=true", "", "Cookie", booklet)
	if strings.Contains(text, "Atelier des Aravis") || !strings.Contains(text, "Maison France services de Thônes") {
		t.Error("places that do not take the vouchers are still there")
	}
	w.Redeem(w.Structure, b, 8)
	if _, text := site.ask("GET", "/places?near=Thônes", "", "Cookie", booklet); strings.Contains(text, box) {
		t.Error("the filter is offered for a booklet without vouchers")
	}
}
