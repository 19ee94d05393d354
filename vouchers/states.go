package vouchers

import "slices"

// State is where a voucher is in its life. The texts are those of the database.
type State string

// The states of a voucher.
const (
	Reserved State = "reserved" // funded, in a prescriber's allocation, worth nothing to a bearer
	Live     State = "live"     // handed over: may be spent
	Redeemed State = "redeemed" // spent at a structure
	Frozen   State = "frozen"   // stopped for the time of a question (loss, theft, dispute)
	Replaced State = "replaced" // another voucher carries its value
	Expired  State = "expired"  // its last day has passed
	Returned State = "returned" // its value went back to the funder
)

// Move is a change of state.
type Move struct{ From, To State }

// moves is every change there is; the database refuses the others too.
var moves = []Move{
	{Reserved, Live},
	{Reserved, Returned},
	{Live, Redeemed},
	{Live, Frozen},
	{Live, Replaced},
	{Live, Expired},
	{Live, Returned},
	{Frozen, Live},
	{Frozen, Replaced},
	{Frozen, Expired},
	{Redeemed, Live},     // an undo, before settlement, or a complaint that was right
	{Redeemed, Returned}, // the same, after the booklet's end or after the structure was paid
}

// Moves lists every allowed change of state, so that a test can compare it with the
// database's own table.
func Moves() []Move { return slices.Clone(moves) }

// CanMove says whether a voucher may go from one state to another.
func CanMove(from, to State) bool { return slices.Contains(moves, Move{from, to}) }
