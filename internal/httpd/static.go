package httpd

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
)

// asset is one static file, packed once at start-up.
type asset struct {
	mime, hash        string
	raw, gzip, brotli []byte // packed forms are nil where they are not smaller
}

// assets are the static files by their plain URL, "/static/app.css". Each answers under
// two URLs: with its hash, "/static/app.1a2b3c4d5e6f.css", for ever; without, for imports
// between scripts, asked again each time.
type assets struct {
	byURL  map[string]*asset
	hashed map[string]string // URL with hash → plain URL
}

// types are the kinds of file that we serve; the host's own table is not trusted to know them.
var types = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2",
	".json": "application/json", ".webmanifest": "application/manifest+json", ".txt": "text/plain; charset=utf-8",
	".html": "text/html; charset=utf-8", ".wasm": "application/wasm",
}

func loadAssets(files fs.FS) (*assets, error) {
	a := &assets{byURL: map[string]*asset{}, hashed: map[string]string{}}
	err := fs.WalkDir(files, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || types[path.Ext(name)] == "" {
			return err // a licence beside its fonts is for readers of the source
		}
		return a.addFile(files, name, "/"+name)
	})
	if err != nil {
		return nil, err
	}
	scripts, err := fs.Glob(files, "pages/*/*.js")
	if err != nil {
		return nil, err
	}
	for _, name := range scripts {
		if err := a.addFile(files, name, "/static/"+strings.TrimPrefix(name, "pages/")); err != nil {
			return nil, err
		}
	}
	return a, a.addStyles(files)
}

func (a *assets) addFile(files fs.FS, name, url string) error {
	raw, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	return a.add(url, raw)
}

var styleURL = regexp.MustCompile(`url\("(/static/[^"]+)"\)`)

// addStyles joins all styles into one file: tokens, base, components, each room's, print
// last. Files that styles name are asked for under their hash.
func (a *assets) addStyles(files fs.FS) error {
	rooms, err := fs.Glob(files, "pages/*/*.css")
	if err != nil {
		return err
	}
	layout, err := fs.Glob(files, "layout/*.css")
	if err != nil {
		return err
	}
	order := []string{"layout/tokens.css", "layout/base.css", "layout/components.css"}
	last := "layout/print.css"
	layout = slices.DeleteFunc(layout, func(name string) bool { return name == last || slices.Contains(order, name) })
	order = slices.Concat(order, layout, rooms, []string{last})
	var css bytes.Buffer
	for _, name := range order {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		css.Write(raw)
		css.WriteByte('\n')
	}
	hashed := styleURL.ReplaceAllStringFunc(css.String(), func(use string) string {
		url, missing := a.url(styleURL.FindStringSubmatch(use)[1])
		if missing != nil {
			err = missing
		}
		return `url("` + url + `")`
	})
	if err != nil {
		return fmt.Errorf("styles: %w", err)
	}
	return a.add("/static/app.css", []byte(hashed))
}

func (a *assets) add(url string, raw []byte) error {
	ext := path.Ext(url)
	if types[ext] == "" {
		return fmt.Errorf("%s: files of this kind are not served", url)
	}
	if a.byURL[url] != nil {
		return fmt.Errorf("%s: two files", url)
	}
	sum := sha256.Sum256(raw)
	file := &asset{mime: types[ext], hash: hex.EncodeToString(sum[:6]), raw: raw}
	if ext != ".woff2" && ext != ".png" {
		file.gzip = packed(raw, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
		file.brotli = packed(raw, func(w io.Writer) io.WriteCloser { return brotli.NewWriterLevel(w, brotli.DefaultCompression) })
	}
	a.byURL[url] = file
	a.hashed[strings.TrimSuffix(url, ext)+"."+file.hash+ext] = url
	return nil
}

// packed is raw in a compressed form, or nil where that saves nothing. Writing to memory
// does not fail.
func packed(raw []byte, writer func(io.Writer) io.WriteCloser) []byte {
	var b bytes.Buffer
	w := writer(&b)
	w.Write(raw)
	w.Close()
	if b.Len() >= len(raw) {
		return nil
	}
	return b.Bytes()
}

// url is a static file's URL with its hash, for templates.
func (a *assets) url(plain string) (string, error) {
	file := a.byURL[plain]
	if file == nil {
		return "", fmt.Errorf("no static file %q", plain)
	}
	ext := path.Ext(plain)
	return strings.TrimSuffix(plain, ext) + "." + file.hash + ext, nil
}

// static serves one file in the smallest form that the browser takes.
func (s *Server) static(c *fiber.Ctx) error {
	a := s.options.Site.assets
	url, forever := a.hashed[c.Path()]
	if !forever {
		url = c.Path()
	}
	file := a.byURL[url]
	if file == nil {
		return fault.New(fault.NotFound, "not_found")
	}
	c.Set(fiber.HeaderCacheControl, "public, no-cache")
	if forever {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	c.Set(fiber.HeaderETag, `"`+file.hash+`"`)
	c.Set(fiber.HeaderContentType, file.mime)
	if c.Get(fiber.HeaderIfNoneMatch) == `"`+file.hash+`"` {
		return c.SendStatus(fiber.StatusNotModified)
	}
	switch takes := packing(c); {
	case takes == "br" && file.brotli != nil:
		c.Set(fiber.HeaderContentEncoding, "br")
		return c.Send(file.brotli)
	case takes == "gzip" && file.gzip != nil:
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(file.gzip)
	}
	return c.Send(file.raw)
}

// packing is the best form that the browser takes: "br", "gzip", or "" for neither.
func packing(c *fiber.Ctx) string {
	if c.Get(fiber.HeaderAcceptEncoding) == "" {
		return ""
	}
	return c.AcceptsEncodings("br", "gzip")
}
