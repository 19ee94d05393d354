package httpd

import (
	"io/fs"

	"github.com/passerelle/passerelle/internal/i18n"
)

// Site is what browsers receive, made ready once: messages, templates, static files. It
// does not change and may be shared by several servers.
type Site struct {
	Words *i18n.Catalogue

	templates templates
	assets    *assets
}

// LoadSite reads the folders of package web. It fails on a message, a page or an icon that
// is wrong, so that a program that starts can show all its pages.
func LoadSite(files fs.FS) (*Site, error) {
	words, err := i18n.Load(files)
	if err != nil {
		return nil, err
	}
	assets, err := loadAssets(files)
	if err != nil {
		return nil, err
	}
	templates, err := parseTemplates(files, words, assets)
	if err != nil {
		return nil, err
	}
	return &Site{Words: words, templates: templates, assets: assets}, nil
}
