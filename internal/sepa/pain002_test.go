package sepa

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/passerelle/passerelle/internal/fault"
)

func TestAnswersOfBothVersionsAreRead(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]string{"pain002-03": "pain.002.001.03", "pain002-10": "pain.002.001.10"} {
		document := sample(t, name+".xml")
		if schemaAtHand(message) {
			followsSchema(t, message, document)
		}
		a, err := ReadAnswer(iotest.OneByteReader(bytes.NewReader(document)))
		if err != nil {
			t.Fatal(err)
		}
		read, err := json.MarshalIndent(a, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".json", append(read, '\n'))
	}
}

// The verdict on a transfer is its own, or else that of the block or of the file.
func TestAVerdictIsTheNearestThatWasSaid(t *testing.T) {
	t.Parallel()
	good := string(sample(t, "pain002-03.xml"))
	for _, c := range []struct{ from, to, transfer, status, reason string }{
		{"", "", "PSL12-7", "RJCT", "AC04"},
		{"", "", "PSL12-8", "ACSP", ""},
		{"", "", "PSL12-9", "", ""}, // PART says nothing of what it does not mention
		{"<PmtInfSts>PART", "<PmtInfSts>ACTC", "PSL12-9", "ACTC", ""},
		{"<PmtInfSts>PART</PmtInfSts>", "", "PSL12-9", "", ""},
		{"<TxSts>ACSP</TxSts>", "", "PSL12-8", "", ""},
	} {
		a, err := ReadAnswer(strings.NewReader(strings.Replace(good, c.from, c.to, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if v := a.Verdicts().Of(c.transfer); string(v.Status) != c.status || v.Reason != c.reason {
			t.Errorf("%s → %s: of %s it says %+v", c.from, c.to, c.transfer, v)
		}
	}
	a, err := ReadAnswer(bytes.NewReader(sample(t, "pain002-10.xml")))
	if err != nil {
		t.Fatal(err)
	}
	for transfer, reason := range map[string]string{"PSL13-7": "FF01", "PSL13-8": "LIMIT EXCEEDED"} {
		if v := a.Verdicts().Of(transfer); v.Status != AnswerRejected || v.Reason != reason {
			t.Errorf("of %s it says %+v", transfer, v)
		}
	}
}

func TestAnAnswerThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	good := string(sample(t, "pain002-03.xml"))
	for _, c := range []struct{ from, to, code string }{
		{"pain.002.001.03", "pain.002.001.99", "answer_format_unknown"},
		{"pain.002.001.03", "camt.053.001.02", "answer_format_unknown"},
		{"<OrgnlMsgId>PSL12</OrgnlMsgId>", "", "answer_message_missing"},
		{"<GrpSts>PART", "<GrpSts>FINE", "answer_status"},
		{"<TxSts>ACSP", "<TxSts>CANC", "answer_status"},
		{"<TxSts>ACSP", "<TxSts>PART", "answer_status"},
		{"<GrpSts>PART", "<GrpSts>RJCT", "answer_contradicts_itself"},
		{"<PmtInfSts>PART", "<PmtInfSts>RJCT", "answer_contradicts_itself"},
		{"<OrgnlInstrId>PSL12-8", "<OrgnlInstrId>PSL12-7", "answer_contradicts_itself"},
		{"<OrgnlInstrId>PSL12-8</OrgnlInstrId>", "", "answer_transfer_unnamed"},
		{`Ccy="EUR">30.00`, `Ccy="USD">30.00`, "answer_amount"},
		{`Ccy="EUR">30.00`, `Ccy="EUR">-1`, "answer_amount"},
		{"2026-03-09T18:05:12", "yesterday", ""},
		{"</CstmrPmtStsRpt>", "", "statement_malformed"},
		{"<GrpHdr>", "<GrpHdr><!DOCTYPE x>", "statement_forbidden_markup"},
	} {
		bad := strings.Replace(good, c.from, c.to, 1)
		if bad == good {
			t.Fatalf("%s is not in the sample", c.from)
		}
		_, err := ReadAnswer(strings.NewReader(bad))
		if fault.Code(err) != c.code {
			t.Errorf("%s → %s: got %v, want %s", c.from, c.to, err, c.code)
		}
	}
	_, err := readAnswer(strings.NewReader(good), 200)
	wantFault(t, err, "statement_too_large")
	_, err = ReadAnswer(strings.NewReader(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"/>`))
	wantFault(t, err, "statement_malformed")
}

func TestHostileFilesAreNoAnswersEither(t *testing.T) {
	t.Parallel()
	files := os.DirFS("testdata/hostile")
	names, err := fs.Glob(files, "*.xml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if _, err := ReadAnswer(bytes.NewReader(sample(t, "hostile/"+name))); fault.Code(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(sample(f, "pain002-03.xml"))
	f.Add(sample(f, "pain002-10.xml"))
	f.Add(sample(f, "camt053-08.xml"))
	f.Fuzz(func(t *testing.T, document []byte) {
		a, err := ReadAnswer(bytes.NewReader(document))
		switch {
		case err != nil && fault.Code(err) == "":
			t.Fatalf("not a fault: %v", err)
		case err == nil && a.MessageID == "":
			t.Fatal("an answer to nothing")
		}
	})
}
