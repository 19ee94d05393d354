package httpd

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/money"
	"github.com/passerelle/passerelle/vouchers"
)

// MoneyBody is what money/desk.html shows.
type MoneyBody struct {
	money.Desk
	Holdings []holdingRow
	Tiles    []tileRow
	Ageing   []ageRow // without ages at which nothing is unpaid
	Pages    []NavItem
}

type holdingRow struct {
	money.Holding
	Name, Href string
	AgreedText string // when the bank's word was the same
	Old        bool   // that was long ago: a statement is missing
}

type tileRow struct {
	money.Tile
	Href string
	Age  int
}

type ageRow struct {
	money.Bucket
	Text string
}

// tilePages are where the work of each tile is done.
var tilePages = map[string]string{"credits": "/statements/cases", "debits": "/statements/cases", "payouts": "/settlements", "returned": "/settlements",
	"debts": "/money/debts", "writeoffs": "/money/debts", "refunds": "/refunds"}

func (w moneyWindow) deskPage(c *fiber.Ctx) error {
	d, err := w.room.Open(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body := moneyBody(words(c), d)
	body.Pages = of(c).server.deskPages(c, actor(c))
	return page(c, "money/desk", body)
}

func moneyBody(w *i18n.Words, d money.Desk) MoneyBody {
	body := MoneyBody{Desk: d}
	for _, h := range d.Holdings {
		r := holdingRow{Holding: h, Name: accountName(w, h.Account), Href: accountPath(h.Account, 0)}
		if h.Bank != nil && h.Bank.AgeDays(d.At) > 0 {
			r.AgreedText = w.Text("money.agreed-days", "count", h.Bank.AgeDays(d.At))
		} else {
			r.AgreedText = w.Text("money.agreed-today")
		}
		r.Old = h.Bank != nil && h.Bank.AgeDays(d.At) > 7
		body.Holdings = append(body.Holdings, r)
	}
	for _, t := range d.Tiles {
		body.Tiles = append(body.Tiles, tileRow{t, tilePages[t.Name], t.AgeDays(vouchers.DayOf(d.At))})
	}
	for _, b := range d.Ageing {
		if b.Orders+b.Invoices == 0 {
			continue
		}
		key := "money.ageing.days"
		if b.ToDays == 0 {
			key = "money.ageing.more"
		}
		body.Ageing = append(body.Ageing, ageRow{b, w.Text(key, "from", b.FromDays, "to", b.ToDays)})
	}
	return body
}

// AccountsBody is what money/accounts.html shows.
type AccountsBody struct {
	Campaign vouchers.CampaignID // 0 for all
	Rows     []accountRow
	Next     string
}

type accountRow struct {
	money.Balance
	Name, Href string
}

func (w moneyWindow) accountsPage(c *fiber.Ctx) error {
	all, q, err := w.accountsNow(c)
	if err != nil {
		return err
	}
	body := AccountsBody{Campaign: q.Campaign}
	for _, b := range all.Items {
		body.Rows = append(body.Rows, accountRow{b, accountName(words(c), b.Account), accountPath(b.Account, q.Campaign)})
	}
	if all.Next != nil {
		next := url.Values{"after": {string(*all.Next)}}
		if q.Campaign != 0 {
			next.Set("campaign", strconv.FormatInt(int64(q.Campaign), 10))
		}
		body.Next = "/money/accounts?" + next.Encode()
	}
	return page(c, "money/accounts", body)
}

// BookBody is what money/account.html shows.
type BookBody struct {
	accountRow
	Campaign vouchers.CampaignID // 0 for all
	Moves    []moveRowView
	Next     string
	CSV      string // URL
}

type moveRowView struct {
	money.Move
	Text, OtherName, Href, OtherHref string
}

func (w moneyWindow) accountPage(c *fiber.Ctx) error {
	name, err := url.PathUnescape(c.Params("name"))
	if err != nil {
		return invalid("name")
	}
	found, q, err := w.statement(c, name)
	if err != nil {
		return err
	}
	said := words(c)
	query := url.Values{"account": {name}}
	if q.Campaign != 0 {
		query.Set("campaign", strconv.FormatInt(int64(q.Campaign), 10))
	}
	body := BookBody{accountRow: accountRow{found.Balance, accountName(said, q.Account), accountPath(q.Account, 0)}, Campaign: q.Campaign,
		CSV: "/api/v1/money/transfers.csv?" + query.Encode()}
	for _, m := range found.Items {
		body.Moves = append(body.Moves, moveRowView{m, eventText(said, m.Event), accountName(said, m.Other), eventPath(m.Event, m.Cause),
			accountPath(m.Other, q.Campaign)})
	}
	if found.Next != nil {
		query.Del("account")
		query.Set("before", strconv.FormatInt(*found.Next, 10))
		body.Next = accountPath(q.Account, 0) + "?" + query.Encode()
	}
	return page(c, "money/account", body)
}

func eventPath(e ledger.Event, cause int64) string {
	return fmt.Sprintf("/money/events/%s/%d", e, cause)
}

// EventBody is what money/event.html shows.
type EventBody struct {
	money.Occurrence
	Text    string
	Rows    []legRow
	Sources []sourceLink
}

type legRow struct {
	money.Leg
	DebitName, DebitHref, CreditName, CreditHref string
}

// sourceLink names a business row; Href is "" where no page shows it to the operator.
type sourceLink struct{ Text, Href string }

// sourcePages are the pages that show business rows.
var sourcePages = map[string]string{"statement": "/statements/", "order": "/orders/", "invoice": "/invoices/", "settlement": "/settlements/", "place": "/places/", "campaign": "/campaigns/"}

func (w moneyWindow) eventPage(c *fiber.Ctx) error {
	found, err := w.event(c, c.Params("event"), c.Params("cause"))
	if err != nil {
		return err
	}
	return page(c, "money/event", eventBody(words(c), found))
}

func eventBody(w *i18n.Words, found money.Occurrence) EventBody {
	body := EventBody{Occurrence: found, Text: eventText(w, found.Event)}
	for _, l := range found.Legs {
		body.Rows = append(body.Rows, legRow{l, accountName(w, l.Debit), accountPath(l.Debit, 0), accountName(w, l.Credit), accountPath(l.Credit, 0)})
	}
	for _, s := range found.Sources {
		link := sourceLink{Text: w.Text("money.source."+s.Kind, "number", s.ID)}
		if path := sourcePages[s.Kind]; path != "" {
			link.Href = path + strconv.FormatInt(s.ID, 10)
		}
		body.Sources = append(body.Sources, link)
	}
	return body
}

// DebtsBody is what money/debts.html shows.
type DebtsBody struct {
	Problem   string
	MayDecide bool
	Today     vouchers.Day
	Open      []money.Debt
	Waiting   []waitingWriteOff
	Decided   []money.WriteOff
}

// waitingWriteOff is a request; Mine tells that the reader made it, and so cannot approve.
type waitingWriteOff struct {
	money.WriteOff
	Mine bool
}

func (w moneyWindow) debtsPage(c *fiber.Ctx) error { return w.showDebts(c, "") }

func (w moneyWindow) showDebts(c *fiber.Ctx, problem string) error {
	d, err := w.room.Debts(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body := DebtsBody{Problem: problem, Open: d.Open, MayDecide: actor(c).Needs(identity.Operator, identity.Finance) == nil,
		Today: vouchers.DayOf(of(c).server.options.Now())}
	for _, one := range d.WriteOffs {
		if one.State == money.Requested {
			body.Waiting = append(body.Waiting, waitingWriteOff{one, one.Requester == actor(c).Person})
		} else {
			body.Decided = append(body.Decided, one)
		}
	}
	return page(c, "money/debts", body)
}
