package httpd

import (
	"time"

	"github.com/passerelle/passerelle/internal/answers"
)

func init() {
	at := time.Date(2026, 3, 9, 18, 0, 0, 0, time.UTC)
	one := answers.Answer{ID: 1, Reference: "BANK-17", MessageID: "PSL1", Status: "PART", Reason: "AM02", AnsweredAt: &at, ImportedAt: at,
		Accepted: 1, Waiting: 1, Rejected: 2, Contradicted: 1}
	samples["answers/list"] = AnswersBody{MayImport: true, Problem: "x", Rows: []answers.Answer{one}, Next: "/bank-answers?before=1"}
	for _, l := range [][3]string{{answers.Contradicted, "RJCT", "AC04"}, {answers.RejectedNow, "RJCT", "XX99"}, {answers.RejectedBefore, "RJCT", ""},
		{answers.Waiting, "PDNG", ""}, {answers.Accepted, "ACSP", ""}} {
		one.Lines = append(one.Lines, answers.Line{EndToEnd: "PSL1-7", Payee: "Thônes", Amount: 30_00, Effect: l[0], Status: l[1], Reason: l[2]})
	}
	samples["answers/answer"] = one
}
