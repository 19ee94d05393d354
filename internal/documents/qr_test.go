package documents

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/png"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	zxing "github.com/makiuchi-d/gozxing/qrcode"

	"github.com/passerelle/passerelle/vouchers"
)

// longURL is as long as a booklet's URL may be, of changing characters so that the
// symbol is as busy as can be.
func longURL() string {
	url := "HTTPS://PASSERELLE.FR/C/"
	for i := 0; len(url) < vouchers.MaxURL; i++ {
		url += string("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[(i*i+7*i)%32])
	}
	return url
}

// decoded reads the QR in a picture without leaving the process.
func decoded(t *testing.T, picture image.Image) string {
	t.Helper()
	bits, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		t.Fatal(err)
	}
	result, err := zxing.NewQRCodeReader().Decode(bits, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		t.Fatalf("no QR found: %v", err)
	}
	return result.GetText()
}

func TestPrintedQRIsReadByScanners(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"long": longURL(), "usual": sampleBooklet(t).URL, "short": "HTTPS://P.FR/C/0"} {
		b := sampleBooklet(t)
		b.URL = url
		pdf := saved(t, "qr-"+name+".pdf", booklets(t, b))
		for _, scale := range [][]string{{"-r", "150"}, {"-r", "300"}, {"-scale-to-x", "600", "-scale-to-y", "-1"}} {
			picture := filepath.Join(t.TempDir(), "page")
			tool(t, "pdftoppm", append(scale, "-singlefile", "-png", pdf, picture)...)
			read := tool(t, "zbarimg", "--quiet", "--raw", "-S*.disable", "-Sqrcode.enable", picture+".png")
			if strings.TrimSpace(read) != url {
				t.Errorf("%s at %v: read %q, want %q", name, scale, read, url)
			}
		}
	}
}

func TestPNGOfAQRIsReadInProcess(t *testing.T) {
	t.Parallel()
	url := longURL()
	q, err := NewQR(url)
	if err != nil {
		t.Fatal(err)
	}
	for _, pixels := range []int{0, 150, 256, 600} {
		data, err := q.PNG(pixels)
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		side := picture.Bounds().Dx()
		if modules := q.Size() + 2*quietZone; side%modules != 0 || side > max(pixels, modules) {
			t.Errorf("%d pixels asked, %d given for %d modules", pixels, side, modules)
		}
		if got := decoded(t, picture); got != url {
			t.Errorf("at %d pixels: read %q", pixels, got)
		}
	}
}

func TestSVGOfAQRIsSafeAndExact(t *testing.T) {
	t.Parallel()
	q, err := NewQR(longURL())
	if err != nil {
		t.Fatal(err)
	}
	var svg struct {
		ViewBox string `xml:"viewBox,attr"`
		Role    string `xml:"role,attr"`
		Title   string `xml:"title"`
		Path    []struct {
			D    string `xml:"d,attr"`
			Fill string `xml:"fill,attr"`
		} `xml:"path"`
	}
	title := `Carnet <de> "A" & 'B'`
	if err := xml.Unmarshal([]byte(q.SVG(title)), &svg); err != nil {
		t.Fatal(err)
	}
	side := q.Size() + 8
	if svg.Title != title || svg.Role != "img" || svg.ViewBox != fmt.Sprintf("0 0 %d %d", side, side) || len(svg.Path) != 1 || svg.Path[0].Fill != "#000" {
		t.Errorf("not the drawing wanted: %+v", svg)
	}
	if got := decoded(t, drawPath(t, svg.Path[0].D, side)); got != longURL() {
		t.Errorf("read %q", got)
	}
}

// drawPath paints a path made of "Mx yhNv1h-Nz" runs, four pixels to the unit.
func drawPath(t *testing.T, path string, side int) image.Image {
	t.Helper()
	const scale = 4
	picture := image.NewGray(image.Rect(0, 0, side*scale, side*scale))
	for i := range picture.Pix {
		picture.Pix[i] = 0xFF
	}
	for _, run := range strings.Split(strings.TrimSuffix(path, "z"), "z") {
		var x, y, length, back int
		if _, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &length, &back); err != nil || length != back {
			t.Fatalf("run %q: %v", run, err)
		}
		for i := range length * scale * scale {
			picture.Pix[(y*scale+i/(length*scale))*picture.Stride+x*scale+i%(length*scale)] = 0
		}
	}
	return picture
}

func TestOnlyOurPayloadsBecomeQR(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{"", "https://passerelle.fr/C/0", longURL() + "0", "HTTPS://PASSERELLE.FR/C/É", "A\nB", "A_B"} {
		if _, err := NewQR(payload); err != ErrPayload {
			t.Errorf("%q: %v, want ErrPayload", payload, err)
		}
	}
}
