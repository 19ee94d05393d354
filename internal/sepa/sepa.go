// Package sepa speaks with banks: account numbers (IBAN), creditor references, transfer
// orders (pain.001.001.09), the bank's answers to them (pain.002) and account statements
// (camt.053 and camt.054).
//
// It knows formats and nothing of the trade: no database, no room, no clock. The same
// values always give the same bytes, so that a file can be made again and compared with
// the hash that was approved.
package sepa
