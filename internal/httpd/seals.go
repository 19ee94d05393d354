package httpd

import (
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/seals"
	"github.com/passerelle/passerelle/vouchers"
)

// sealsWindow is the API and the page of the ledger's seals.
type sealsWindow struct{ room *seals.Service }

// provers are whose lines the ledger has.
var provers = []identity.Kind{identity.Funder, identity.Structure, identity.Operator}

// SealsRoutes are the routes of package seals.
func SealsRoutes(room *seals.Service) []Route {
	w := sealsWindow{room}
	return []Route{
		{Method: "GET", Path: "/api/v1/seals", Handler: w.list, Access: Public, Doc: "seals of the ledger, the latest first, and the key that signs them"},
		{Method: "GET", Path: "/api/v1/transfers/:id/proof", Handler: w.proof, Access: ForAny(provers...), Doc: "the proof that one line of one's own is sealed"},
		{Method: "GET", Path: "/api/v1/proofs", Handler: w.proofs, Access: ForAny(provers...), Doc: "the proofs of one's own lines of a seal"},

		{Method: "GET", Path: "/seals", Handler: w.page, Access: Public, Doc: "seals of the ledger, and how to check a proof"},
	}
}

// sealsAnswer is a page of seals, and the key that signs now.
type sealsAnswer struct {
	listing[vouchers.LedgerSeal]
	Key vouchers.PublicKey `json:"key"`
}

func (w sealsWindow) listed(c *fiber.Ctx) (sealsAnswer, error) {
	number, err := before[int64](c)
	if err != nil {
		return sealsAnswer{}, err
	}
	all, err := w.room.List(c.UserContext(), actor(c), number, pageSize+1)
	return sealsAnswer{cut(all, func(s vouchers.LedgerSeal) int64 { return s.Number }), w.room.Key()}, err
}

func (w sealsWindow) list(c *fiber.Ctx) error {
	answer, err := w.listed(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, answer)
}

func (w sealsWindow) proof(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	proof, err := w.room.Proof(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	c.Attachment(fmt.Sprintf("passerelle-preuve-%d.json", id))
	return apiJSON(c, http.StatusOK, proof)
}

// proofs answers a list, which is a file of proofs by itself; the header Link says where
// there are more (RFC 8288).
func (w sealsWindow) proofs(c *fiber.Ctx) error {
	number, after := int64(c.QueryInt("seal", 0)), int64(0)
	if c.Query("after") != "" {
		after = int64(c.QueryInt("after", -1)) // what is no number is refused as this is
	}
	proofs, next, err := w.room.Proofs(c.UserContext(), actor(c), number, after)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("passerelle-preuves-sceau-%d", number)
	if after > 0 {
		name += fmt.Sprintf("-%d", after)
	}
	c.Attachment(name + ".json")
	if next > 0 {
		c.Set(fiber.HeaderLink, fmt.Sprintf(`</api/v1/proofs?seal=%d&after=%d>; rel="next"`, number, next))
	}
	return apiJSON(c, http.StatusOK, proofs)
}
