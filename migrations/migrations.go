// Package migrations holds the schema's history: forward only, additive, embedded
// in the program. schema.sql is the dump of their sum and is checked by a test.
package migrations

import "embed"

// FS holds the goose files.
//
//go:embed 0*.sql
var FS embed.FS
