package httpd

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/money"
	"github.com/passerelle/passerelle/vouchers"
)

// moneyWindow is the API and the pages of the money desk.
type moneyWindow struct{ room *money.Service }

// MoneyRoutes are the routes of package money.
func MoneyRoutes(room *money.Service) []Route {
	w := moneyWindow{room}
	operator, finance := ForAny(identity.Operator), For(identity.Operator, identity.Finance)
	return []Route{
		{Method: "GET", Path: "/api/v1/money", Handler: w.desk, Access: operator,
			Doc: "where the money is: balances, what waits, what is due and since when, debts, cover"},
		{Method: "GET", Path: "/api/v1/money/accounts", Handler: w.accounts, Access: operator,
			Doc: "the ledger's accounts with their balances; ?campaign=ID for those of one, ?after=NAME for the next page"},
		{Method: "GET", Path: "/api/v1/money/transfers", Handler: w.transfers, Access: operator,
			Doc: "the transfers of ?account=NAME, newest first, with the balance after each; or those of ?event=NAME&cause=ID"},
		{Method: "GET", Path: "/api/v1/money/transfers.csv", Handler: w.transfersCSV, Access: operator,
			Doc: "all transfers of ?account=NAME as CSV, the oldest first"},

		{Method: "GET", Path: "/money", Handler: w.deskPage, Access: operator, Doc: "where the money is this morning",
			Nav: Nav{Key: "money.nav", Icon: "euro"}},
		{Method: "GET", Path: "/money/accounts", Handler: w.accountsPage, Access: operator, Doc: "the ledger's accounts with their balances"},
		{Method: "GET", Path: "/money/accounts/:name", Handler: w.accountPage, Access: operator, Doc: "one account's transfers, newest first"},
		{Method: "GET", Path: "/money/events/:event/:cause", Handler: w.eventPage, Access: operator, Doc: "all that one event moved, and where it comes from"},
		{Method: "GET", Path: "/money/debts", Handler: w.debtsPage, Access: operator, Doc: "debts of funders, and what was asked and decided about them"},
		{Method: "POST", Path: "/money/writeoffs", Handler: w.requestForm, Access: finance, Doc: "ask that a debt be forgiven"},
		{Method: "POST", Path: "/money/writeoffs/:id/approval", Handler: w.approveForm, Access: finance,
			Doc: "forgive a debt that somebody else asked to forgive: effect first, then the deed"},
		{Method: "POST", Path: "/money/writeoffs/:id/refusal", Handler: w.refuseForm, Access: finance, Doc: "end such a request without effect"},
	}
}

func (w moneyWindow) desk(c *fiber.Ctx) error {
	d, err := w.room.Open(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, d)
}

// accountsAnswer is a page of accounts. Next is the cursor of the one that follows, null
// on the last.
type accountsAnswer struct {
	Items []money.Balance `json:"items"`
	Next  *ledger.Account `json:"next"`
}

// accountsAtOnce bounds a page of accounts.
const accountsAtOnce = 200

func (w moneyWindow) accountsNow(c *fiber.Ctx) (accountsAnswer, money.AccountsQuery, error) {
	campaign, err := campaignQuery(c)
	if err != nil {
		return accountsAnswer{}, money.AccountsQuery{}, err
	}
	q := money.AccountsQuery{Campaign: campaign, After: ledger.Account(c.Query("after")), Limit: accountsAtOnce + 1}
	all, err := w.room.Accounts(c.UserContext(), actor(c), q)
	if len(all) <= accountsAtOnce {
		return accountsAnswer{Items: all}, q, err
	}
	return accountsAnswer{Items: all[:accountsAtOnce], Next: &all[accountsAtOnce-1].Account}, q, err
}

// campaignQuery is the ?campaign= of a request, 0 where absent.
func campaignQuery(c *fiber.Ctx) (vouchers.CampaignID, error) {
	text := c.Query("campaign")
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(text, 10, 32)
	if err != nil || id < 1 {
		return 0, invalid("campaign")
	}
	return vouchers.CampaignID(id), nil
}

func (w moneyWindow) accounts(c *fiber.Ctx) error {
	all, _, err := w.accountsNow(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

// statementAnswer is an account with a page of its transfers.
type statementAnswer struct {
	money.Balance
	listing[money.Move]
}

func (w moneyWindow) statement(c *fiber.Ctx, account string) (statementAnswer, money.MovesQuery, error) {
	campaign, err := campaignQuery(c)
	if err != nil {
		return statementAnswer{}, money.MovesQuery{}, err
	}
	below, err := before[int64](c)
	if err != nil {
		return statementAnswer{}, money.MovesQuery{}, err
	}
	q := money.MovesQuery{Account: ledger.Account(account), Campaign: campaign, Before: below, Limit: pageSize + 1}
	found, err := w.room.Statement(c.UserContext(), actor(c), q)
	return statementAnswer{found.Balance, cut(found.Moves, func(m money.Move) int64 { return m.ID })}, q, err
}

func (w moneyWindow) transfers(c *fiber.Ctx) error {
	if event := c.Query("event"); event != "" {
		found, err := w.event(c, event, c.Query("cause"))
		if err != nil {
			return err
		}
		return apiJSON(c, http.StatusOK, found)
	}
	found, _, err := w.statement(c, c.Query("account"))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, found)
}

func (w moneyWindow) event(c *fiber.Ctx, event, cause string) (money.Occurrence, error) {
	id, err := strconv.ParseInt(cause, 10, 64)
	if err != nil || id < 0 {
		return money.Occurrence{}, fault.New(fault.NotFound, "not_found")
	}
	return w.room.Event(c.UserContext(), actor(c), ledger.Event(event), id)
}

func (w moneyWindow) transfersCSV(c *fiber.Ctx) error {
	campaign, err := campaignQuery(c)
	if err != nil {
		return err
	}
	said := words(c)
	q := money.MovesQuery{Account: ledger.Account(c.Query("account")), Campaign: campaign}
	err = sendFile(c, func(ctx context.Context, out io.Writer) error {
		file, err := documents.NewCSV(out, moveColumns(said))
		if err != nil {
			return err
		}
		err = w.room.Whole(ctx, actor(c), q, func(m money.Move) error { return file.Row(moveRow(said, m)) })
		return errors.Join(err, file.Flush())
	})
	if err != nil {
		return err
	}
	c.Attachment(strings.ReplaceAll(string(q.Account), ":", "-") + ".csv")
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	return nil
}

func moveColumns(w *i18n.Words) []documents.Column {
	var all []documents.Column
	for _, c := range []struct {
		key  string
		kind documents.Kind
	}{{"id", documents.Integer}, {"at", documents.Moment}, {"event", documents.Text}, {"cause", documents.Integer}, {"other", documents.Text},
		{"campaign", documents.Integer}, {"change", documents.Money}, {"balance", documents.Money}} {
		all = append(all, documents.Column{Header: w.Text("money.column." + c.key), Kind: c.kind})
	}
	return all
}

func moveRow(w *i18n.Words, m money.Move) []documents.Cell {
	campaign := documents.TextCell("")
	if m.Campaign != 0 {
		campaign = documents.IntegerCell(int64(m.Campaign))
	}
	return []documents.Cell{documents.IntegerCell(m.ID), documents.MomentCell(m.At), documents.TextCell(eventText(w, m.Event)),
		documents.IntegerCell(m.Cause), documents.TextCell(accountName(w, m.Other)), campaign, documents.MoneyCell(m.Change), documents.MoneyCell(m.Balance)}
}

// eventText says an event of the ledger.
func eventText(w *i18n.Words, e ledger.Event) string { return w.Text("money.event." + string(e)) }

// requestForm keeps a request to forgive a debt.
func (w moneyWindow) requestForm(c *fiber.Ctx) error {
	var req money.WriteOffRequest
	if err := decodeForm(c, &req); err != nil {
		return err
	}
	asked, err := w.room.RequestWriteOff(c.UserContext(), actor(c), req)
	return w.decided(c, "money.writeoff.asked", asked, err)
}

// approveForm shows what forgiving does to the books, then does it.
func (w moneyWindow) approveForm(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	asked, err := w.room.OneWriteOff(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	if confirmed(c) {
		done, err := w.room.ApproveWriteOff(c.UserContext(), actor(c), id)
		return w.decided(c, "money.writeoff.approved", done, err)
	}
	said := words(c)
	what := Confirmation{Title: said.Text("money.writeoff.title"), Danger: true, Back: "/money/debts",
		Sentence: said.Text("money.writeoff.sentence", "amount", asked.Amount, "funder", asked.Funder, "order", int64(asked.Order),
			"by", asked.RequestedBy, "reason", asked.Reason),
		Button: said.Text("money.writeoff.approve", "amount", asked.Amount)}
	err = confirm(c, what, func(ctx context.Context) error {
		_, err := w.room.ApproveWriteOff(ctx, actor(c), id)
		return err
	})
	if err != nil {
		return w.refused(c, err)
	}
	return nil
}

func (w moneyWindow) refuseForm(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	done, err := w.room.RefuseWriteOff(c.UserContext(), actor(c), id)
	return w.decided(c, "money.writeoff.refused", done, err)
}

// decided goes back to the debts with what was done, or shows why it was not.
func (w moneyWindow) decided(c *fiber.Ctx, key string, done money.WriteOff, err error) error {
	if err != nil {
		return w.refused(c, err)
	}
	if err := flash(c, "done", key, "amount", done.Amount, "funder", done.Funder); err != nil {
		return err
	}
	return c.Redirect("/money/debts", http.StatusSeeOther)
}

// refused shows the debts again with what stopped the form.
func (w moneyWindow) refused(c *fiber.Ctx, err error) error {
	told := refusalOf(err)
	if told.fault == 0 || told.fault == fault.Unavailable || told.fault == fault.NotFound || fault.Code(err) == "forbidden" {
		return err
	}
	c.Status(told.status)
	return w.showDebts(c, faultText(c, err))
}

// accountPath is the page of an account.
func accountPath(a ledger.Account, campaign vouchers.CampaignID) string {
	path := "/money/accounts/" + url.PathEscape(string(a))
	if campaign != 0 {
		path += "?campaign=" + strconv.FormatInt(int64(campaign), 10)
	}
	return path
}
