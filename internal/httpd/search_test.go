package httpd

import (
	"strings"
	"testing"
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
