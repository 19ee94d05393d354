package accounting

import (
	"fmt"

	"github.com/passerelle/passerelle/internal/ledger"
)

// The chart of accounts (Plan comptable général, ANC 2014-03) and the journals. Why each
// was chosen is in docs/decisions/0007-accounting-export.md. What stands here is read by
// French accountants and tax officers, and so is French in every language.

// third is whose subsidiary account a ledger account is.
type third uint8

const (
	nobody third = iota
	campaign
	funder
	structure
)

// account is one account of the chart.
type account struct {
	number, label string
	third         third
}

// chart maps the ledger's accounts, without the number in their name.
var chart = map[string]account{
	"bank:segregated":      {"512100", "Banque, compte séquestre de la valeur faciale", nobody},
	"bank:operating":       {"512200", "Banque, compte d'exploitation", nobody},
	"stripe:clearing":      {"511500", "Stripe, paiements à recevoir", nobody},
	"stripe:segregated":    {"511600", "Stripe, valeur faciale mise à part", nobody},
	"stripe:payouts":       {"511700", "Stripe, versements aux structures en cours", nobody},
	"funder:fees_due":      {"411000", "Clients, frais de service", funder},
	"funder:debt":          {"467500", "Commanditaires, paiements repris à rembourser", funder},
	"operator:advances":    {"467600", "Remboursements avancés, à reprendre sur le séquestre", nobody},
	"costs:stripe":         {"627800", "Commissions de Stripe", nobody},
	"costs:losses":         {"654000", "Pertes sur créances irrécouvrables", nobody},
	"campaign:funds":       {"467110", "Valeur faciale reçue, à remettre", campaign},
	"campaign:live":        {"467120", "Chèques en circulation", campaign},
	"campaign:unused":      {"467130", "Chèques expirés, à rendre", campaign},
	"campaign:recoverable": {"467140", "Valeur faciale à reprendre aux structures", campaign},
	"structure:payable":    {"467200", "Structures, chèques encaissés à payer", structure},
	"structure:withheld":   {"467220", "Structures, chèques retenus pour une réclamation", structure},
	"structure:debt":       {"467510", "Structures, chèques payés à rendre", structure},
	"payouts:in_transit":   {"467210", "Structures, virements en cours", nobody},
	"funder:credit":        {"467300", "Commanditaires, sommes à rendre", funder},
	"funder:paying":        {"467310", "Commanditaires, paiements en ligne en cours", funder},
	"refunds:in_transit":   {"467320", "Commanditaires, remboursements en cours", nobody},
	"operator:claims":      {"467700", "Part de l'opérateur sur le séquestre", nobody},
	"suspense":             {"471100", "Attente, lignes du séquestre à expliquer", nobody},
	"suspense:operating":   {"471200", "Attente, lignes d'exploitation à expliquer", nobody},
	"fees":                 {"706000", "Prestations de services", nobody},
	"vat":                  {"445710", "TVA collectée", nobody},
}

// What earlier years have earned or lost waits here for the members' decision.
var (
	earned = account{"120000", "Résultat des exercices antérieurs, bénéfice", nobody}
	lost   = account{"129000", "Résultat des exercices antérieurs, perte", nobody}
)

// ofResult tells the accounts of charges and products, which a new year does not take over.
func (a account) ofResult() bool { return a.number[0] == '6' || a.number[0] == '7' }

// place is an account of the chart with the number of its third party.
type place struct {
	account
	party int64
}

// placeOf finds where a ledger account is in the chart.
func placeOf(a ledger.Account) (place, error) {
	kind, party := a.Parts()
	found, there := chart[kind]
	if !there || (party != 0) != (found.third != nobody) {
		return place{}, fmt.Errorf("account %s is not in the chart of accounts", a)
	}
	return place{found, party}, nil
}

// code is the number of the subsidiary account, "" for none.
func (p place) code() string {
	if p.third == nobody {
		return ""
	}
	return fmt.Sprintf("%c%06d", " CFS"[p.third], p.party)
}

// piece is what proves an event.
type piece uint8

const (
	row     piece = iota // the business row itself: "handover:12"
	line                 // a line of a bank statement
	invoice              // an invoice or a credit note
)

// kind is how an event is written: in which journal, with which words, on which proof.
type kind struct {
	journal, words string
	piece          piece
}

// openings is the journal of what a year takes over.
const openings = "AN"

// journals are the journals' names.
var journals = map[string]string{
	openings: "À-nouveaux",
	"BS":     "Banque, compte séquestre",
	"BE":     "Banque, compte d'exploitation",
	"VE":     "Ventes de services",
	"ST":     "Paiements par Stripe",
	"CH":     "Vie des chèques",
	"OD":     "Opérations diverses",
}

// kinds are the ledger's events.
var kinds = map[ledger.Event]kind{
	"receipt":            {"BS", "Paiement reçu", line},
	"attribution":        {"BS", "Paiement attribué à une commande", line},
	"unexpected_debit":   {"BS", "Débit à expliquer", line},
	"payment_returned":   {"BS", "Paiement repris par la banque", line},
	"topped_up":          {"BS", "Apport de l'opérateur", line},
	"card_banked":        {"BS", "Paiement en ligne viré au séquestre", line},
	"payout_booked":      {"BS", "Virement à une structure débité", row},
	"payout_returned":    {"BS", "Virement à une structure revenu", row},
	"payouts_funded":     {"BS", "Virement à Stripe pour les structures débité", row},
	"payouts_unfunded":   {"BS", "Virement à Stripe pour les structures revenu", row},
	"payouts_home":       {"BS", "Versement à une structure revenu de Stripe", line},
	"refund_booked":      {"BS", "Remboursement débité", row},
	"refund_returned":    {"BS", "Remboursement revenu", row},
	"claim_booked":       {"BS", "Part de l'opérateur débitée", row},
	"claim_returned":     {"BS", "Part de l'opérateur revenue", row},
	"fees_paid":          {"BE", "Frais de service payés", line},
	"operating_line":     {"BE", "Ligne du compte d'exploitation", line},
	"stripe_payout":      {"BE", "Versement de Stripe", line},
	"claim_arrived":      {"BE", "Part de l'opérateur reçue", line},
	"debt_paid":          {"BE", "Dette d'un commanditaire payée", line},
	"fees_back_returned": {"BE", "Frais rendus, revenus", row},
	"fees_invoiced":      {"VE", "Frais de service facturés", invoice},
	"card_paid":          {"ST", "Paiement en ligne", row},
	"card_cost":          {"ST", "Commission de Stripe", row},
	"card_fees":          {"ST", "Frais de service payés en ligne", row},
	"card_counted":       {"ST", "Paiement en ligne disponible", row},
	"card_refunded":      {"ST", "Remboursement en ligne", row},
	"disputed":           {"ST", "Paiement en ligne contesté", row},
	"dispute_won":        {"ST", "Contestation gagnée", row},
	"debt_secured":       {"ST", "Valeur retenue pour une dette", row},
	"debt_released":      {"ST", "Valeur libérée", row},
	"connect_paid":       {"ST", "Versement à une structure par Stripe", row},
	"connect_returned":   {"ST", "Versement à une structure par Stripe, revenu", row},
	"handover":           {"CH", "Carnet remis", row},
	"redemption":         {"CH", "Chèques encaissés par une structure", row},
	"undo":               {"CH", "Encaissement annulé", row},
	"expiry":             {"CH", "Chèques expirés", row},
	"campaign_closed":    {"OD", "Campagne terminée, valeur rendue", row},
	"rolled_over":        {"OD", "Avoir reporté sur une commande", row},
	"settlement":         {"OD", "Virement à une structure demandé", row},
	"refund_ordered":     {"OD", "Remboursement demandé", row},
	"claim_ordered":      {"OD", "Part de l'opérateur demandée", row},
	"fees_back_ordered":  {"OD", "Frais rendus", row},
	"payout_rejected":    {"OD", "Virement à une structure refusé par la banque", row},
	"refund_rejected":    {"OD", "Remboursement refusé par la banque", row},
	"claim_rejected":     {"OD", "Part de l'opérateur refusée par la banque", row},
	"fees_back_rejected": {"OD", "Frais rendus, refusés par la banque", row},
	"debt_forgiven":      {"OD", "Dette abandonnée", row},
	"withheld":           {"OD", "Encaissement retenu pour une réclamation", row},
	"released":           {"OD", "Encaissement rendu après une réclamation", row},
	"given_back":         {"CH", "Encaissement corrigé avant paiement", row},
	"clawed_back":        {"OD", "Encaissement corrigé après paiement", row},
	"debt_netted":        {"OD", "Dette d'une structure retenue sur un virement", row},
	"debt_repaid":        {"BS", "Dette d'une structure payée", row},
	"structure_forgiven": {"OD", "Dette d'une structure abandonnée", row},
}

// provenBy lists the events that such a piece proves.
func provenBy(p piece) []string {
	var all []string
	for event, k := range kinds {
		if k.piece == p {
			all = append(all, string(event))
		}
	}
	return all
}
