package files

import (
	"bytes"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/fault"
)

func drawn(t *testing.T, encode func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := encode(&out, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAFileIsWhatItsBytesSay(t *testing.T) {
	t.Parallel()
	pdf := []byte("%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n")
	png := drawn(t, func(b *bytes.Buffer, m image.Image) error { return png.Encode(b, m) })
	for name, c := range map[string]struct {
		content []byte
		is      string // a media type, or a fault
	}{
		"rib.pdf":           {pdf, "application/pdf"},
		"a JPEG called PDF": {drawn(t, func(b *bytes.Buffer, m image.Image) error { return jpeg.Encode(b, m, nil) }), "image/jpeg"},
		"rib.png":           {png, "image/png"},
		"nothing":           {nil, "file_missing"},
		"a GIF":             {drawn(t, func(b *bytes.Buffer, m image.Image) error { return gif.Encode(b, m, nil) }), "file_type"},
		"a page":            {[]byte("<html><script>alert(1)</script>"), "file_type"},
		"a page as PDF":     {[]byte("<html>%PDF-1.4 %%EOF"), "file_type"},
		"half a PDF":        {[]byte("%PDF-1.4\n"), "file_type"},
		"half a PNG":        {png[:12], "file_type"},
		"a PDF that runs":   {bytes.Replace(pdf, []byte("<<>>"), []byte("<</OpenAction<</S/JavaScript/JS(x)>>>>"), 1), "file_active"},
		"a picture of /JS":  {bytes.Replace(pdf, []byte("endobj"), []byte("stream\n/JS \nendstream endobj"), 1), "application/pdf"},
		"too large":         {append(bytes.Repeat([]byte{' '}, Most), pdf...), "file_too_large"},
	} {
		got, err := Upload{Name: name, Content: c.content}.Check()
		if err != nil {
			got = fault.Code(err)
		}
		if got != c.is {
			t.Errorf("%s: %q, want %q", name, got, c.is)
		}
	}
}

func TestNamesCannotMislead(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"rib.pdf": "rib.pdf", `C:\Documents\relevé d'identité.pdf`: "relevé d'identité.pdf", "../../etc/passwd": "passwd", "": "document",
		"..": "document", "a\u202egnp.pdf": "agnp.pdf", "x\r\nSet-Cookie: a": "xSet-Cookie a", "\xff\xfe": "document",
		strings.Repeat("é", 200): strings.Repeat("é", longestName),
	} {
		if got := tidyName(given); got != want {
			t.Errorf("%q becomes %q, want %q", given, got, want)
		}
	}
}

func FuzzChecking(f *testing.F) {
	f.Add("rib.pdf", []byte("%PDF-1.4\n%%EOF"))
	f.Add("rib.png", []byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		kind, err := Upload{Name: name, Content: content}.Check()
		if (err == nil) != (kind != "") {
			t.Errorf("%q and %v", kind, err)
		}
		if n := tidyName(name); n == "" || len([]rune(n)) > longestName || strings.ContainsAny(n, "/\\\"\r\n") {
			t.Errorf("%q becomes %q", name, n)
		}
	})
}
