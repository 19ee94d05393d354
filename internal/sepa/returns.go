package sepa

// knownReasons are the reasons for which a bank sends a credit transfer back or refuses
// it: the codes that the SEPA credit transfer rulebook and its implementation
// guidelines (EPC125-05, EPC115-06) take from the ISO 20022 external code list, and those
// of the same list that banks refuse whole files with.
var knownReasons = map[string]bool{
	"AC01": true, "AC03": true, "AC04": true, "AC06": true, "AG01": true, "AG02": true,
	"AM02": true, "AM04": true, "AM05": true, "AM09": true, "AM10": true, "AM18": true, "BE01": true, "BE04": true, "BE05": true,
	"BE06": true, "BE07": true, "CNOR": true, "CUST": true, "DNOR": true, "DS02": true, "DS0H": true,
	"DT01": true, "DU01": true, "DU02": true, "DU04": true, "DUPL": true,
	"ED05": true, "ERIN": true, "FF01": true, "FOCR": true, "FRAD": true, "MD07": true,
	"MS02": true, "MS03": true, "NARR": true, "RC01": true, "RC07": true,
	"RR01": true, "RR02": true, "RR03": true, "RR04": true, "TECH": true, "TM01": true, "UPAY": true,
}

// KnownReason tells whether code has its words in the catalogues, under
// "sepa.reason.<code>". Banks add codes of their own: show those as they are.
func KnownReason(code string) bool { return knownReasons[code] }

// AccountReasons are those that speak of the payee's account: it is wrong, closed, blocked,
// of a kind that receives no transfers, or its holder has died. Another transfer to it would
// be refused as well.
func AccountReasons() []string { return []string{"AC01", "AC03", "AC04", "AC06", "AG01", "MD07"} }
