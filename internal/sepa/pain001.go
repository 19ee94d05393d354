package sepa

import (
	"io"
	"regexp"
	"strconv"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// Version is the version of pain.001.001 that a bank reads.
type Version string

const (
	Version09 Version = "09" // what the SEPA rulebooks ask for
	Version03 Version = "03" // for a bank that does not read it yet
)

// Initiation is one order to a bank: transfers in euros from one account, on one day.
type Initiation struct {
	Version         Version   // "": Version09
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

// NameMost is how many characters a name has at most in a file.
const NameMost = 70

// Party is one end of a transfer.
type Party struct {
	Name    string // cut at NameMost characters
	IBAN    IBAN
	BIC     BIC // may be empty: the bank finds it from the IBAN
	Address Address
}

// WriteInitiation writes in as a pain.001.001.09 file, or .03. The same Initiation always
// gives the same bytes. Names, addresses and remittance are put into the SEPA character set.
// Nothing is written when Validate finds a fault.
func WriteInitiation(w io.Writer, in Initiation) error {
	if err := in.Validate(); err != nil {
		return err
	}
	if in.Version == "" {
		in.Version = Version09
	}
	x := newOrderWriter(w, in.Version)
	x.open("CstmrCdtTrfInitn")
	x.groupHeader(in)
	x.open("PmtInf")
	x.paymentInformation(in)
	for i := range in.Payments {
		x.transfer(&in.Payments[i])
	}
	x.close("PmtInf")
	x.close("CstmrCdtTrfInitn")
	return x.finish()
}

func (x *orderWriter) groupHeader(in Initiation) {
	x.open("GrpHdr")
	x.leaf("MsgId", in.MessageID)
	x.leaf("CreDtTm", moment(in.CreatedAt))
	x.leaf("NbOfTxs", strconv.Itoa(len(in.Payments)))
	x.leaf("CtrlSum", in.Sum().String())
	x.open("InitgPty")
	x.leaf("Nm", Latin(in.Initiator, NameMost))
	x.close("InitgPty")
	x.close("GrpHdr")
}

// paymentInformation writes what holds for all transfers. There is one block per file,
// so it bears the message's own identifier.
func (x *orderWriter) paymentInformation(in Initiation) {
	x.leaf("PmtInfId", in.MessageID)
	x.leaf("PmtMtd", "TRF")
	x.leaf("BtchBookg", strconv.FormatBool(in.Batch))
	x.leaf("NbOfTxs", strconv.Itoa(len(in.Payments)))
	x.leaf("CtrlSum", in.Sum().String())
	x.open("PmtTpInf")
	x.code("SvcLvl", "SEPA")
	if in.CategoryPurpose != "" {
		x.code("CtgyPurp", in.CategoryPurpose)
	}
	x.close("PmtTpInf")
	x.executionDate(in.ExecutionDate)
	x.party("Dbtr", in.Debtor)
	x.account("DbtrAcct", in.Debtor.IBAN)
	x.debtorAgent(in.Debtor.BIC)
	x.leaf("ChrgBr", "SLEV")
}

// executionDate is a date in version 03, and a choice of date or time since.
func (x *orderWriter) executionDate(on vouchers.Day) {
	if x.version == Version03 {
		x.leaf("ReqdExctnDt", on.String())
		return
	}
	x.open("ReqdExctnDt")
	x.leaf("Dt", on.String())
	x.close("ReqdExctnDt")
}

// Sum is the total of all payments, in cents: the file's control sum.
func (in Initiation) Sum() vouchers.Cents {
	var sum vouchers.Cents
	for i := range in.Payments {
		sum += in.Payments[i].Amount
	}
	return sum
}

func (x *orderWriter) transfer(p *Payment) {
	x.open("CdtTrfTxInf")
	x.open("PmtId")
	x.text("InstrId", p.InstructionID)
	x.leaf("EndToEndId", p.EndToEndID)
	x.close("PmtId")
	x.open("Amt")
	x.amount("InstdAmt", p.Amount)
	x.close("Amt")
	if x.takes(p.Creditor.BIC) {
		x.agent("CdtrAgt", p.Creditor.BIC)
	}
	x.party("Cdtr", p.Creditor)
	x.account("CdtrAcct", p.Creditor.IBAN)
	if text := Latin(p.Remittance, 140); text != "" {
		x.open("RmtInf")
		x.leaf("Ustrd", text)
		x.close("RmtInf")
	}
	x.close("CdtTrfTxInf")
}

func (x *orderWriter) party(role string, p Party) {
	x.open(role)
	x.leaf("Nm", Latin(p.Name, NameMost))
	x.open("PstlAdr")
	x.text("StrtNm", Latin(p.Address.Street, streetMost))
	x.text("BldgNb", Latin(p.Address.Building, buildingMost))
	x.text("PstCd", Latin(p.Address.PostCode, 16))
	x.leaf("TwnNm", Latin(p.Address.Town, 35))
	x.leaf("Ctry", p.Address.Country)
	for _, line := range p.Address.Lines {
		x.text("AdrLine", Latin(line, addressLineMost))
	}
	x.close("PstlAdr")
	x.close(role)
}

// olderBIC is BICIdentifier of version 03: narrower than what is a BIC since 2014.
var olderBIC = regexp.MustCompile(`^[A-Z]{6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})?$`)

// takes tells whether the file can hold a BIC. Without it the bank finds it from the IBAN.
func (x *orderWriter) takes(bic BIC) bool {
	return bic != "" && (x.version != Version03 || olderBIC.MatchString(string(bic)))
}

func (x *orderWriter) agent(role string, bic BIC) {
	name := "BICFI"
	if x.version == Version03 {
		name = "BIC"
	}
	x.open(role)
	x.open("FinInstnId")
	x.leaf(name, string(bic))
	x.close("FinInstnId")
	x.close(role)
}

// debtorAgent names the payer's bank, which the schema demands even where the IBAN
// says enough.
func (x *orderWriter) debtorAgent(bic BIC) {
	if x.takes(bic) {
		x.agent("DbtrAgt", bic)
		return
	}
	x.open("DbtrAgt")
	x.open("FinInstnId")
	x.open("Othr")
	x.leaf("Id", "NOTPROVIDED")
	x.close("Othr")
	x.close("FinInstnId")
	x.close("DbtrAgt")
}
