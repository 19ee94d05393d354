package httpd

import (
	"encoding/hex"
	"path/filepath"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/continuity"
	"github.com/passerelle/passerelle/internal/identity"
)

// continuityWindow is the page of the exports for a trustee. They are made at a command line
// or each day, never from afar: they are files of this machine.
type continuityWindow struct{ room *continuity.Service }

// ContinuityRoutes are the routes of package continuity.
func ContinuityRoutes(room *continuity.Service) []Route {
	w := continuityWindow{room}
	return []Route{{Method: "GET", Path: "/operator/continuity", Handler: w.page, Access: ForAny(identity.Operator), Doc: "exports made for a trustee, and whether one is late"}}
}

// ContinuityBody is what continuity/list.html shows.
type ContinuityBody struct {
	continuity.State
	Rows []exportRow
}

// exportRow is one export on the page.
type exportRow struct {
	continuity.Made
	Name string // of its folder
	Hash string // of its manifest
	Who  string // "" where it was made by itself
	KB   int64  // its size, rounded up
}

func (w continuityWindow) page(c *fiber.Ctx) error {
	st, err := w.room.State(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body := ContinuityBody{State: st}
	for _, m := range st.Made {
		row := exportRow{Made: m, Name: filepath.Base(m.Folder), Hash: hex.EncodeToString(m.Manifest), KB: (m.Size + 1023) / 1024}
		if m.By != nil {
			row.Who = *m.By
		}
		body.Rows = append(body.Rows, row)
	}
	return page(c, "continuity/list", body)
}
