package sepa

import (
	"strings"

	"github.com/passerelle/passerelle/vouchers"
)

// The elements of camt messages as they stand in the file. Versions 02 and 08 share one
// struct: what 08 wraps in a further element has a field for either place.

type rawAccount struct {
	IBAN string `xml:"Id>IBAN"`
}

type rawDate struct{ Dt, DtTm string }

func (raw rawDate) text() string { return firstOf(raw.Dt, raw.DtTm) }

type rawBalance struct {
	Code      string `xml:"Tp>CdOrPrtry>Cd"`
	Amt       xmlAmount
	CdtDbtInd string
	Dt        rawDate
}

type rawEntry struct {
	NtryRef     string
	Amt         xmlAmount
	CdtDbtInd   string
	RvslInd     string
	Sts         rawStatus
	BookgDt     rawDate
	ValDt       rawDate
	AcctSvcrRef string
	BkTxCd      struct {
		Domain      string `xml:"Domn>Cd"`
		Family      string `xml:"Domn>Fmly>Cd"`
		SubFamily   string `xml:"Domn>Fmly>SubFmlyCd"`
		Proprietary string `xml:"Prtry>Cd"`
	}
	NtryDtls     []rawDetails
	AddtlNtryInf string
}

type rawStatus struct {
	Text string `xml:",chardata"` // version 02
	Cd   string // version 08
}

type rawTransaction struct {
	Refs            struct{ MsgId, PmtInfId, InstrId, EndToEndId string }
	Amt             xmlAmount // version 08
	CdtDbtInd       string
	TxAmt           xmlAmount  `xml:"AmtDtls>TxAmt>Amt"`
	InstdAmt        xmlAmount  `xml:"AmtDtls>InstdAmt>Amt"`
	Debtor          rawParty   `xml:"RltdPties>Dbtr"`
	DebtorAccount   rawAccount `xml:"RltdPties>DbtrAcct"`
	Creditor        rawParty   `xml:"RltdPties>Cdtr"`
	CreditorAccount rawAccount `xml:"RltdPties>CdtrAcct"`
	Unstructured    []string   `xml:"RmtInf>Ustrd"`
	References      []string   `xml:"RmtInf>Strd>CdtrRefInf>Ref"`
	ReasonCode      string     `xml:"RtrInf>Rsn>Cd"`
	ReasonOwn       string     `xml:"RtrInf>Rsn>Prtry"`
	AddtlTxInf      string
}

type rawParty struct {
	Nm     string // version 02
	Person string `xml:"Pty>Nm"`            // version 08
	Bank   string `xml:"Agt>FinInstnId>Nm"` // version 08
}

func (raw rawBalance) balance(where place) (Balance, error) {
	var b Balance
	amount, err := where.amount(raw.Amt)
	if err != nil {
		return b, err
	}
	credit, err := where.direction(raw.CdtDbtInd)
	if err != nil {
		return b, err
	}
	if b.Amount = amount; !credit {
		b.Amount = -amount
	}
	b.Day, err = where.day(raw.Dt.text())
	return b, err
}

func (raw rawEntry) entry(where place, account IBAN) (Entry, error) {
	e := Entry{
		Reference:     firstOf(raw.NtryRef, raw.AcctSvcrRef),
		BankReference: strings.TrimSpace(raw.AcctSvcrRef),
		Status:        firstOf(raw.Sts.Cd, raw.Sts.Text),
		Code:          BankCode(raw.BkTxCd),
	}
	var err error
	if e.Amount, err = where.amount(raw.Amt); err != nil {
		return e, err
	}
	if e.Credit, err = where.direction(raw.CdtDbtInd); err != nil {
		return e, err
	}
	reversal := strings.TrimSpace(raw.RvslInd)
	e.Reversal = reversal == "true" || reversal == "1"
	if err = raw.days(where, &e); err != nil {
		return e, err
	}
	e.Transactions, err = raw.transactions(where, e, account)
	return e, err
}

func (raw rawEntry) days(where place, e *Entry) error {
	booked, value := raw.BookgDt.text(), raw.ValDt.text()
	if booked == "" && value == "" && e.Status != "BOOK" {
		return nil
	}
	var err error
	if e.Booked, err = where.day(firstOf(booked, value)); err == nil {
		e.ValueDate, err = where.day(firstOf(value, booked))
	}
	return err
}

func (raw rawTransaction) transaction(where place, e Entry, account IBAN) (Transaction, error) {
	t := Transaction{
		EndToEndID:    provided(raw.Refs.EndToEndId),
		InstructionID: provided(raw.Refs.InstrId),
		MessageID:     provided(raw.Refs.MsgId),
		PaymentID:     provided(raw.Refs.PmtInfId),
		Remittance:    firstOf(strings.Join(raw.Unstructured, " "), raw.AddtlTxInf),
		ReturnReason:  firstOf(raw.ReasonCode, raw.ReasonOwn),
	}
	if len(raw.References) > 0 {
		t.CreditorReference = strings.TrimSpace(raw.References[0])
	}
	returned := t.ReturnReason != "" || e.Reversal
	if returned {
		t.OriginalEndToEndID = t.EndToEndID
	}
	if raw.CdtDbtInd != "" {
		credit, err := where.direction(raw.CdtDbtInd)
		if err != nil {
			return t, err
		}
		if credit != e.Credit {
			return t, where.fault("statement_direction", "value", strings.TrimSpace(raw.CdtDbtInd))
		}
	}
	t.Counterparty = raw.counterparty(e.Credit != returned, account)
	return t, nil
}

// counterparty picks the party at the other end: the debtor of money received, the
// creditor of money sent. What comes back keeps the roles of the first payment, but not
// every bank does so; hence a party that turns out to be ourselves gives way.
func (raw rawTransaction) counterparty(isDebtor bool, account IBAN) Counterparty {
	debtor, creditor := partyAt(raw.Debtor, raw.DebtorAccount), partyAt(raw.Creditor, raw.CreditorAccount)
	other, own := creditor, debtor
	if isDebtor {
		other, own = debtor, creditor
	}
	if other.IBAN == account && own.IBAN != account {
		return own
	}
	return other
}

func partyAt(party rawParty, account rawAccount) Counterparty {
	c := Counterparty{Name: firstOf(party.Nm, party.Person, party.Bank)}
	if iban, err := ParseIBAN(account.IBAN); err == nil {
		c.IBAN = iban
	}
	return c
}

// amount is the transaction's own amount in euros. The only transaction of an entry may
// leave it out, or give it in the currency of a foreign payer: then it is the entry's.
func (raw rawTransaction) amount(where place, e Entry, only bool) (vouchers.Cents, error) {
	candidates := []xmlAmount{raw.Amt, raw.TxAmt, raw.InstdAmt}
	if only {
		candidates = candidates[:2] // what was ordered may differ from what arrived
	}
	for _, a := range candidates {
		if a.Currency == "EUR" {
			return where.amount(a)
		}
	}
	if only {
		return e.Amount, nil
	}
	return 0, where.fault("statement_amount", "value", "")
}
