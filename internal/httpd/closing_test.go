package httpd

import (
	"time"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	at, day, to := time.Unix(1.75e9, 0), vouchers.Day(800), vouchers.CampaignID(4)
	account := closing.Account{ID: 1, FunderName: "F", Masked: "FR76 •••• 0189", Holder: "H", GivenAt: at, GiverName: "G", VerifiedAt: &at}
	choice := closing.Choice{Kind: closing.ToCampaign, To: &to, ToName: "N"}
	part := closing.FunderPart{Part: closing.Part{FunderName: "F", Paid: 100, Used: 20}, CreditNotes: []string{"A1", "A2"}, FeesBack: 5, Credit: 80,
		Choice: &choice, RolledOver: []closing.Rollover{{Order: 1, ToName: "N", Amount: 10}}}
	st := closing.Statement{At: at, Received: 100, Used: 20, Funders: []closing.FunderPart{part}, Counters: closing.Counters{Booklets: 3},
		Extensions: []closing.Extension{{From: day, Until: day + 3, SignedBy: "S", DecidedAt: at}}}
	samples["closing/statement"] = ClosingBody{Statement: st, Steps: []stepView{{"T", "current"}}, Mine: &part, MayChoose: true, MayExtend: true, MayClose: true,
		Targets: []choiceOf{{"4", "N"}}, Kind: "rollover", To: "4", Problem: "P"}
	samples["closing/extension"] = ExtensionBody{Extension: closing.Extension{From: day, Until: day + 3}, Name: "N", Problem: "P", Asked: day, May: true}
	rows := []closing.Refund{{ID: 1, Kind: closing.OfCredit, FunderName: "F", Requester: "R", State: closing.Booked, BookedOn: &day, EndToEnd: "RFD000001"},
		{ID: 2, Kind: closing.OfClaim, State: closing.Returned, ReturnReason: "AC04"}, {ID: 3, Kind: closing.OfFees, State: closing.Ordered}}
	samples["closing/refunds"] = RefundsBody{Waiting: []RefundGroup{{closing.Segregated, rows, 10}}, ToVerify: []closing.Account{account},
		Files: []closing.File{{ID: 1, Account: closing.Operating, MessageID: "RFF1"}}, Rows: rows, Next: "/x", MayDecide: true, Problem: "P"}
	samples["closing/credits"] = CreditsBody{Credits: []closing.Credit{{CampaignName: "C", Closed: true, Choice: &choice}, {Closed: true}, {}}, Account: &account, Rows: rows, MayDecide: true}
	samples["closing/account"] = FunderAccountBody{Now: &account, Problem: "P"}
}
