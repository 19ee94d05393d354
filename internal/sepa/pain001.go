package sepa

import (
	"io"
	"strconv"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// Initiation is one order to a bank: transfers in euros from one account, on one day.
type Initiation struct {
	MessageID       string    // 1 to 35 characters of the SEPA set, never used twice
	CreatedAt       time.Time // written in UTC, to the second
	Initiator       string    // who sends the file
	Debtor          Party     // who pays
	ExecutionDate   vouchers.Day
	Batch           bool      // one debit on the statement for the whole file
	CategoryPurpose string    // a code such as "SUPP"; may be empty
	Payments        []Payment // written in this order
}

// Payment is one transfer.
type Payment struct {
	EndToEndID    string // comes back on statements and returns; unique in the file
	InstructionID string // for the bank alone; may be empty
	Amount        vouchers.Cents
	Creditor      Party
	Remittance    string // what the creditor reads; cut at 140 characters
}

// Party is one end of a transfer.
type Party struct {
	Name    string // cut at 70 characters
	IBAN    IBAN
	BIC     BIC // may be empty: the bank finds it from the IBAN
	Address Address
}

// Address is a structured postal address. Free address lines are refused by the SEPA
// rulebooks from November 2026; town and country are what they ask for at least.
type Address struct {
	Street   string
	Building string // the number in the street
	PostCode string
	Town     string
	Country  string // two letters of ISO 3166
}

const painNamespace = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"

// WriteInitiation writes in as a pain.001.001.09 file. The same Initiation always gives
// the same bytes. Names, addresses and remittance are put into the SEPA character set.
// Nothing is written when Validate finds a fault.
func WriteInitiation(w io.Writer, in Initiation) error {
	if err := in.Validate(); err != nil {
		return err
	}
	x := newXMLWriter(w)
	x.document(painNamespace)
	x.open("CstmrCdtTrfInitn")
	x.groupHeader(in)
	x.open("PmtInf")
	x.paymentInformation(in)
	for i := range in.Payments {
		x.element("CdtTrfTxInf", transferOf(&in.Payments[i]))
	}
	x.close("PmtInf")
	x.close("CstmrCdtTrfInitn")
	return x.finish()
}

func (x *xmlWriter) groupHeader(in Initiation) {
	x.open("GrpHdr")
	x.element("MsgId", in.MessageID)
	x.element("CreDtTm", moment(in.CreatedAt))
	x.element("NbOfTxs", strconv.Itoa(len(in.Payments)))
	x.element("CtrlSum", in.Sum().String())
	x.element("InitgPty", xmlParty{Name: Latin(in.Initiator, 70)})
	x.close("GrpHdr")
}

// paymentInformation writes what holds for all transfers. There is one block per file,
// so it bears the message's own identifier.
func (x *xmlWriter) paymentInformation(in Initiation) {
	x.element("PmtInfId", in.MessageID)
	x.element("PmtMtd", "TRF")
	x.element("BtchBookg", strconv.FormatBool(in.Batch))
	x.element("NbOfTxs", strconv.Itoa(len(in.Payments)))
	x.element("CtrlSum", in.Sum().String())
	x.open("PmtTpInf")
	x.element("SvcLvl", xmlCode{"SEPA"})
	if in.CategoryPurpose != "" {
		x.element("CtgyPurp", xmlCode{in.CategoryPurpose})
	}
	x.close("PmtTpInf")
	x.open("ReqdExctnDt")
	x.element("Dt", in.ExecutionDate.String())
	x.close("ReqdExctnDt")
	x.element("Dbtr", partyOf(in.Debtor))
	x.element("DbtrAcct", xmlAccount{in.Debtor.IBAN.Full()})
	x.element("DbtrAgt", debtorAgent(in.Debtor.BIC))
	x.element("ChrgBr", "SLEV")
}

// Sum is the total of all payments, in cents: the file's control sum.
func (in Initiation) Sum() vouchers.Cents {
	var sum vouchers.Cents
	for i := range in.Payments {
		sum += in.Payments[i].Amount
	}
	return sum
}

type xmlCode struct {
	Code string `xml:"Cd"`
}

type xmlParty struct {
	Name    string      `xml:"Nm"`
	Address *xmlAddress `xml:"PstlAdr"`
}

type xmlAddress struct {
	Street   string `xml:"StrtNm,omitempty"`
	Building string `xml:"BldgNb,omitempty"`
	PostCode string `xml:"PstCd,omitempty"`
	Town     string `xml:"TwnNm"`
	Country  string `xml:"Ctry"`
}

type xmlAgent struct {
	BIC   string  `xml:"FinInstnId>BICFI,omitempty"`
	Other *string `xml:"FinInstnId>Othr>Id"`
}

type xmlTransfer struct {
	InstructionID string         `xml:"PmtId>InstrId,omitempty"`
	EndToEndID    string         `xml:"PmtId>EndToEndId"`
	Amount        xmlAmount      `xml:"Amt>InstdAmt"`
	Agent         *xmlAgent      `xml:"CdtrAgt"`
	Creditor      xmlParty       `xml:"Cdtr"`
	Account       xmlAccount     `xml:"CdtrAcct"`
	Remittance    *xmlRemittance `xml:"RmtInf"`
}

type xmlRemittance struct {
	Text string `xml:"Ustrd"`
}

func transferOf(p *Payment) xmlTransfer {
	t := xmlTransfer{
		InstructionID: p.InstructionID,
		EndToEndID:    p.EndToEndID,
		Amount:        euros(p.Amount),
		Creditor:      partyOf(p.Creditor),
		Account:       xmlAccount{p.Creditor.IBAN.Full()},
	}
	if p.Creditor.BIC != "" {
		t.Agent = &xmlAgent{BIC: string(p.Creditor.BIC)}
	}
	if text := Latin(p.Remittance, 140); text != "" {
		t.Remittance = &xmlRemittance{text}
	}
	return t
}

func partyOf(p Party) xmlParty {
	return xmlParty{
		Name: Latin(p.Name, 70),
		Address: &xmlAddress{
			Street:   Latin(p.Address.Street, 70),
			Building: Latin(p.Address.Building, 16),
			PostCode: Latin(p.Address.PostCode, 16),
			Town:     Latin(p.Address.Town, 35),
			Country:  p.Address.Country,
		},
	}
}

// debtorAgent names the payer's bank, which the schema demands even where the IBAN
// says enough.
func debtorAgent(bic BIC) xmlAgent {
	if bic != "" {
		return xmlAgent{BIC: string(bic)}
	}
	unknown := "NOTPROVIDED"
	return xmlAgent{Other: &unknown}
}
