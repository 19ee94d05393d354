package httpd

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// Confirmation is what somebody reads before a dangerous action: the exact effect, what
// it does to the books, and a button that repeats it.
type Confirmation struct {
	Title, Sentence, Button string
	Back                    string // URL
	Danger                  bool
}

// ConfirmationBody is what home/confirmation.html shows.
type ConfirmationBody struct {
	Confirmation
	Action  string       // where the form goes again
	Fields  []hidden     // of the form that asked
	Effects []effectLine // none: the books do not change
}

type hidden struct{ Name, Value string }

// effectLine is how one account changes.
type effectLine struct {
	Account  string
	Campaign vouchers.CampaignID // 0 for none
	Change   vouchers.Cents
}

// confirmed tells whether the form comes from the page that confirm shows.
func confirmed(c *fiber.Ctx) bool { return c.FormValue("_confirmed") == "yes" }

// confirm rehearses what the posted form asks for (do, the use case itself) and shows what
// it would do to the books, with a button that sends the same form again. A refusal of the
// rehearsal comes back as it is.
func confirm(c *fiber.Ctx, what Confirmation, do func(context.Context) error) error {
	would, err := ledger.Rehearse(c.UserContext(), do)
	if err != nil {
		return err
	}
	values, err := formValues(c)
	if err != nil {
		return err
	}
	body := ConfirmationBody{Confirmation: what, Action: c.OriginalURL(), Effects: effectsOf(words(c), would)}
	for name, texts := range values {
		for _, text := range texts {
			if !strings.HasPrefix(name, "_") {
				body.Fields = append(body.Fields, hidden{name, text})
			}
		}
	}
	slices.SortStableFunc(body.Fields, func(a, b hidden) int { return cmp.Compare(a.Name, b.Name) })
	return page(c, "home/confirmation", body)
}

// effectsOf nets transfers by account and campaign, in the order in which accounts first
// move. What we have grows by debits, what we owe by credits.
func effectsOf(w *i18n.Words, transfers []ledger.Transfer) []effectLine {
	type place struct {
		account  ledger.Account
		campaign vouchers.CampaignID
	}
	var order []place
	change := map[place]vouchers.Cents{}
	move := func(account ledger.Account, campaign vouchers.CampaignID, cents vouchers.Cents) {
		at := place{account, campaign}
		if _, seen := change[at]; !seen {
			order = append(order, at)
		}
		change[at] += cents
	}
	for _, t := range transfers {
		for _, leg := range []struct {
			account ledger.Account
			debited vouchers.Cents
		}{{t.Debit, t.Amount}, {t.Credit, -t.Amount}} {
			if leg.account.Asset() {
				move(leg.account, t.Campaign, leg.debited)
			} else {
				move(leg.account, t.Campaign, -leg.debited)
			}
		}
	}
	lines := []effectLine{}
	for _, at := range order {
		if change[at] != 0 {
			lines = append(lines, effectLine{accountName(w, at.account), at.campaign, change[at]})
		}
	}
	return lines
}

// accountName says an account in words: "campaign:12:live" is one of "campaign.live",
// number 12.
func accountName(w *i18n.Words, a ledger.Account) string {
	kind, number := a.Parts()
	key := "account." + strings.ReplaceAll(kind, ":", ".")
	if number != 0 {
		return w.Text(key, "Number", strconv.FormatInt(number, 10))
	}
	return w.Text(key)
}
