package vouchers_test

import (
	"encoding/json"
	"fmt"

	"github.com/passerelle/passerelle/vouchers"
)

// Anybody can check a cheque: with the published keys, without network, without an
// account. Whether it has been spent, only the service knows.
func ExamplePublicKeys_Verify() {
	published := `[{"id": 2, "ed25519": "s7EnNcwulLZ+bxuVyqq9i5ZUUub/v0Is4DtjcmidhnA="}]`
	scanned := "HTTPS://PASSERELLE.FR/C/48005801W9007T0M8307G6A55RDV6SK85E4RE43FHGG99NJGNZBXEP2V7S6BHA62WPMH66M9HNG919WJS57NGFGM41YK2DQPNCFD0X5GENWCJJFN1202EKFDDM25D5N5ZCWRNAE9"

	var keys vouchers.PublicKeys
	if err := json.Unmarshal([]byte(published), &keys); err != nil {
		fmt.Println(err)
		return
	}
	payload, err := vouchers.FromScan(scanned)
	if err != nil {
		fmt.Println(err)
		return
	}
	ticket, err := keys.Verify(payload)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d vouchers of €%s, booklet %d of campaign %d, from %s to %s\n",
		ticket.Count, ticket.Face, ticket.Serial, ticket.Campaign, ticket.From, ticket.Until)
	// Output: 10 vouchers of €10.00, booklet 123456 of campaign 42, from 2026-11-02 to 2027-03-02
}
