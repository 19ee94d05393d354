package documents

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/skip2/go-qrcode"

	"github.com/passerelle/passerelle/vouchers"
)

const (
	quietZone     = 4 // modules of white on each side (ISO/IEC 18004 §6.3.8)
	alphanumerics = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
)

// ErrPayload means that a text cannot become one of our QR codes: empty, too long, or
// with characters outside the QR alphanumeric set (lower case among them), which would
// make the symbol denser than a phone reads at arm's length.
var ErrPayload = errors.New("not an alphanumeric QR payload of 1 to 160 characters") // vouchers.MaxURL

// QR is a QR symbol of recovery level M, without its quiet zone. It never changes, so
// several goroutines may draw it at once.
type QR struct{ dark [][]bool }

// NewQR makes the symbol that holds payload, or returns ErrPayload.
func NewQR(payload string) (QR, error) {
	if payload == "" || len(payload) > vouchers.MaxURL || strings.Trim(payload, alphanumerics) != "" {
		return QR{}, ErrPayload
	}
	code, err := qrcode.New(payload, qrcode.Medium)
	if err != nil {
		return QR{}, fmt.Errorf("make a QR: %w", err)
	}
	code.DisableBorder = true
	return QR{dark: code.Bitmap()}, nil
}

// Size is the number of modules on a side.
func (q QR) Size() int { return len(q.dark) }

// runs calls draw for each horizontal run of dark modules.
func (q QR) runs(draw func(x, y, length int)) {
	for y, row := range q.dark {
		for x := 0; x < len(row); x++ {
			start := x
			for x < len(row) && row[x] {
				x++
			}
			if x > start {
				draw(start, y, x-start)
			}
		}
	}
}

// SVG draws the symbol black on white whatever the theme, quiet zone included. title
// is what a screen reader says.
func (q QR) SVG(title string) string {
	side := q.Size() + 2*quietZone
	var path strings.Builder
	q.runs(func(x, y, length int) {
		fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quietZone, y+quietZone, length, length)
	})
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" shape-rendering="crispEdges">`+
		`<title>%s</title><rect width="%d" height="%d" fill="#fff"/><path fill="#000" d="%s"/></svg>`,
		side, side, html.EscapeString(title), side, side, path.String())
}

// PNG draws the symbol with its quiet zone in whole pixels per module, as large as
// fits in a square of the given pixels; where that is too small, one pixel per module.
func (q QR) PNG(pixels int) ([]byte, error) {
	side := q.Size() + 2*quietZone
	scale := max(1, pixels/side)
	picture := image.NewPaletted(image.Rect(0, 0, side*scale, side*scale), color.Palette{color.White, color.Black})
	q.runs(func(x, y, length int) {
		for py := (y + quietZone) * scale; py < (y+quietZone+1)*scale; py++ {
			for px := (x + quietZone) * scale; px < (x+quietZone+length)*scale; px++ {
				picture.SetColorIndex(px, py, 1)
			}
		}
	})
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		return nil, fmt.Errorf("write a QR as PNG: %w", err)
	}
	return out.Bytes(), nil
}

// qr draws the symbol with its quiet zone in a white square as one path: seams between
// modules cannot show, and a page of it stays small.
func (p *paper) qr(q QR, b box) {
	p.panel(b, b.w, 3, white)
	module := b.w / float64(q.Size()+2*quietZone)
	var path strings.Builder
	q.runs(func(x, y, length int) {
		fmt.Fprintf(&path, "%.3f %.3f %.3f %.3f re\n",
			(b.x+float64(x+quietZone)*module)*millimetre,
			(paperHeight-b.y-float64(y+quietZone)*module)*millimetre,
			float64(length)*module*millimetre, -module*millimetre)
	})
	p.fill(black)
	p.pdf.RawWriteStr(path.String() + "f")
}
