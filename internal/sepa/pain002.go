package sepa

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// maxAnswerBytes is about thirty thousand transfers with all that a bank repeats of each.
const maxAnswerBytes = 32 << 20

// AnswerStatus is what a bank says of a file that orders transfers, or of a part of it.
type AnswerStatus string

// The statuses of the external code list that banks answer with. None of them says that
// money has moved: only a statement does.
const (
	AnswerReceived         AnswerStatus = "RCVD"
	AnswerFormatAccepted   AnswerStatus = "ACTC"
	AnswerPartlyTechnical  AnswerStatus = "PATC" // more signatures are asked for
	AnswerCustomerAccepted AnswerStatus = "ACCP"
	AnswerInProcess        AnswerStatus = "ACSP"
	AnswerSettled          AnswerStatus = "ACSC"
	AnswerChanged          AnswerStatus = "ACWC"
	AnswerPosted           AnswerStatus = "ACWP"
	AnswerCredited         AnswerStatus = "ACCC"
	AnswerPending          AnswerStatus = "PDNG"
	AnswerPartly           AnswerStatus = "PART" // of a file or block: some yes, some no
	AnswerRejected         AnswerStatus = "RJCT"
)

var answerStatuses = []AnswerStatus{AnswerReceived, AnswerFormatAccepted, AnswerPartlyTechnical, AnswerCustomerAccepted, AnswerInProcess,
	AnswerSettled, AnswerChanged, AnswerPosted, AnswerCredited, AnswerPending, AnswerPartly, AnswerRejected}

// Accepts tells whether the bank means to carry the transfer out. What is only received, or
// waits for a decision of the bank, is neither accepted nor rejected.
func (s AnswerStatus) Accepts() bool {
	switch s {
	case AnswerFormatAccepted, AnswerCustomerAccepted, AnswerInProcess, AnswerSettled, AnswerChanged, AnswerPosted, AnswerCredited:
		return true
	}
	return false
}

// Verdict is a status and, of a rejection, its reason.
type Verdict struct {
	Status AnswerStatus // "": the bank does not say
	Reason string       // a code, "AC04"; "" where the bank gives none
}

// Duplicate tells whether a transfer is rejected because the bank has it already: the one
// that it has stands.
func (v Verdict) Duplicate() bool {
	return v.Status == AnswerRejected && slices.Contains(duplicateReasons, v.Reason)
}

// duplicateReasons speak of a file, a block or a transfer that came before.
var duplicateReasons = []string{"AM05", "DU01", "DU02", "DU03", "DU04", "DU05", "DUPL"}

// Answer is what a bank says of one file that we sent (pain.002). Of what it does not
// mention it says what it says of the whole.
type Answer struct {
	ID        string
	CreatedAt time.Time // zero where the bank does not say, or says it badly
	MessageID string    // of our file
	Group     Verdict
	Payments  []AnsweredPayment
}

// AnsweredPayment is a block of our file.
type AnsweredPayment struct {
	PaymentID string
	Verdict
	Transfers []AnsweredTransfer
}

// AnsweredTransfer is one transfer of it.
type AnsweredTransfer struct {
	EndToEndID string
	Verdict
	Amount *vouchers.Cents // nil where the bank does not repeat it
}

// Verdicts is what an answer says, by transfer.
type Verdicts struct {
	own    map[string]Verdict
	others Verdict // on those that it does not mention
}

// Verdicts sorts an answer by transfer. Every file that WriteInitiation makes is one block, so
// what is said of a block holds for all.
func (a Answer) Verdicts() Verdicts {
	v := Verdicts{own: map[string]Verdict{}, others: a.Group.whole()}
	for _, p := range a.Payments {
		if p.Status != "" {
			v.others = p.Verdict.whole()
		}
		for _, t := range p.Transfers {
			if t.Status != "" {
				v.own[t.EndToEndID] = t.Verdict
			}
		}
	}
	return v
}

// Of gives the verdict on a transfer: its own, its block's or the file's.
func (v Verdicts) Of(endToEnd string) Verdict {
	own, said := v.own[endToEnd]
	if !said {
		return v.others
	}
	if own.Status == v.others.Status {
		own.Reason = firstOf(own.Reason, v.others.Reason)
	}
	return own
}

// whole is what a verdict on a file or a block says of a transfer that it does not mention.
func (v Verdict) whole() Verdict {
	if v.Status == AnswerPartly {
		return Verdict{}
	}
	return v
}

// answerFormats are the messages that ReadAnswer understands. Version 10 has more elements;
// those that both have are the same.
var answerFormats = []string{"urn:iso:std:iso:20022:tech:xsd:pain.002.001.03", "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"}

// ReadAnswer reads a pain.002 file, version 03 or 10, one transfer at a time, with the
// guards of ReadStatements. Its own faults are answer_format_unknown, answer_message_missing,
// answer_status, answer_amount, answer_transfer_unnamed and answer_contradicts_itself.
func ReadAnswer(r io.Reader) (Answer, error) { return readAnswer(r, maxAnswerBytes) }

func readAnswer(r io.Reader, limit int64) (Answer, error) {
	g := newGuard(r, limit)
	reader := answerReader{decoder: xml.NewTokenDecoder(g)}
	err := reader.document()
	if err == nil && !reader.found {
		err = fault.New(fault.Malformed, "statement_malformed", "line", g.line())
	}
	if err != nil {
		return Answer{}, g.explain(err)
	}
	return reader.answer, reader.answer.check()
}

type answerReader struct {
	decoder *xml.Decoder
	answer  Answer
	rooted  bool // the root element is read
	found   bool // a report is read
}

func (r *answerReader) document() error {
	for {
		t, err := r.decoder.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		if err := r.element(&start); err != nil {
			return err
		}
	}
}

func (r *answerReader) element(start *xml.StartElement) error {
	switch {
	case !r.rooted:
		r.rooted = true
		if start.Name.Local != "Document" || !slices.Contains(answerFormats, start.Name.Space) {
			return fault.New(fault.Malformed, "answer_format_unknown", "format", start.Name.Space)
		}
		return nil
	case start.Name.Local == "CstmrPmtStsRpt":
		r.found = true // its parts come as further tokens
		return nil
	case start.Name.Local == "GrpHdr":
		return r.header(start)
	case start.Name.Local == "OrgnlGrpInfAndSts":
		return r.group(start)
	case start.Name.Local == "OrgnlPmtInfAndSts":
		return r.payment()
	}
	return r.decoder.Skip()
}

func (r *answerReader) header(start *xml.StartElement) error {
	var raw struct{ MsgId, CreDtTm string }
	if err := r.decoder.DecodeElement(&raw, start); err != nil {
		return err
	}
	r.answer.ID = strings.TrimSpace(raw.MsgId)
	if err := (place{r.answer.ID, "CreDtTm"}).moment(&r.answer.CreatedAt, raw.CreDtTm); err != nil {
		r.answer.CreatedAt = time.Time{} // nothing depends on it
	}
	return nil
}

// rawReason is StsRsnInf: the first code among a status's reasons counts.
type rawReason struct {
	Code string `xml:"Rsn>Cd"`
	Own  string `xml:"Rsn>Prtry"`
}

func (r *answerReader) group(start *xml.StartElement) error {
	var raw struct {
		OrgnlMsgId, GrpSts string
		StsRsnInf          []rawReason
	}
	err := r.decoder.DecodeElement(&raw, start)
	if err != nil {
		return err
	}
	r.answer.MessageID = strings.TrimSpace(raw.OrgnlMsgId)
	r.answer.Group, err = verdictOf(raw.GrpSts, raw.StsRsnInf, r.answer.MessageID)
	return err
}

// payment reads a block up to its end, which has just been opened.
func (r *answerReader) payment() error {
	var p AnsweredPayment
	var status string
	var reasons []rawReason
	for {
		t, err := r.decoder.Token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			p.Verdict, err = verdictOf(status, reasons, p.PaymentID)
			r.answer.Payments = append(r.answer.Payments, p)
			return err
		case xml.StartElement:
			switch t.Name.Local {
			case "OrgnlPmtInfId":
				err = r.decoder.DecodeElement(&p.PaymentID, &t)
				p.PaymentID = strings.TrimSpace(p.PaymentID)
			case "PmtInfSts":
				err = r.decoder.DecodeElement(&status, &t)
			case "StsRsnInf":
				var one rawReason
				err = r.decoder.DecodeElement(&one, &t)
				reasons = append(reasons, one)
			case "TxInfAndSts":
				err = r.transfer(&p, &t)
			default:
				err = r.decoder.Skip()
			}
		}
		if err != nil {
			return err
		}
	}
}

func (r *answerReader) transfer(p *AnsweredPayment, start *xml.StartElement) error {
	var raw struct {
		OrgnlInstrId, OrgnlEndToEndId, TxSts string
		StsRsnInf                            []rawReason
		InstdAmt                             xmlAmount `xml:"OrgnlTxRef>Amt>InstdAmt"`
	}
	if err := r.decoder.DecodeElement(&raw, start); err != nil {
		return err
	}
	t := AnsweredTransfer{EndToEndID: firstOf(provided(raw.OrgnlEndToEndId), provided(raw.OrgnlInstrId))}
	if t.EndToEndID == "" {
		return fault.New(fault.Malformed, "answer_transfer_unnamed", "answer", r.answer.ID)
	}
	var err error
	if t.Verdict, err = verdictOf(raw.TxSts, raw.StsRsnInf, t.EndToEndID); err != nil {
		return err
	}
	if t.Status == AnswerPartly {
		return fault.New(fault.Malformed, "answer_status", "entry", t.EndToEndID, "value", string(t.Status))
	}
	if raw.InstdAmt.Value != "" {
		amount, err := place{}.amount(raw.InstdAmt)
		if err != nil {
			return fault.New(fault.Malformed, "answer_amount", "entry", t.EndToEndID, "value", strings.TrimSpace(raw.InstdAmt.Value))
		}
		t.Amount = &amount
	}
	p.Transfers = append(p.Transfers, t)
	return nil
}

func verdictOf(status string, reasons []rawReason, entry string) (Verdict, error) {
	v := Verdict{Status: AnswerStatus(strings.TrimSpace(status))}
	if v.Status != "" && !slices.Contains(answerStatuses, v.Status) {
		return v, fault.New(fault.Malformed, "answer_status", "entry", entry, "value", string(v.Status))
	}
	for _, r := range reasons {
		if v.Reason = firstOf(r.Code, r.Own); v.Reason != "" {
			break
		}
	}
	return v, nil
}

// check refuses an answer that names no file of ours, or that says two things of one
// transfer: a bank that rejects the whole accepts no part.
func (a Answer) check() error {
	if a.MessageID == "" {
		return fault.New(fault.Malformed, "answer_message_missing", "answer", a.ID)
	}
	told := map[string]AnswerStatus{}
	for _, p := range a.Payments {
		if contradict(a.Group, p.Verdict) {
			return fault.New(fault.Malformed, "answer_contradicts_itself", "entry", p.PaymentID)
		}
		for _, t := range p.Transfers {
			before, twice := told[t.EndToEndID]
			if contradict(a.Group, t.Verdict) || contradict(p.Verdict, t.Verdict) || twice && before != t.Status {
				return fault.New(fault.Malformed, "answer_contradicts_itself", "entry", t.EndToEndID)
			}
			told[t.EndToEndID] = t.Status
		}
	}
	return nil
}

// contradict tells whether the whole is rejected and a part of it is not.
func contradict(whole, part Verdict) bool {
	return whole.Status == AnswerRejected && part.Status != "" && part.Status != AnswerRejected
}
