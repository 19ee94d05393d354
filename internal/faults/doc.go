// Package faults breaks things on purpose: the service, PostgreSQL, its standby,
// the line between them, the clock, the pooler. Then it counts what was promised and
// what is there. Nothing acknowledged may be missing, nothing may be there twice.
//
// The tests need the programs that production meets: PostgreSQL's own, pgbouncer,
// Chromium. Where one is missing they fail and say how to install it; none is skipped.
package faults
