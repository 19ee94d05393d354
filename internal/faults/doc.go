// Package faults breaks things on purpose: the service, PostgreSQL, its standby,
// the line between them, the clock, the pooler. Then it counts what was promised and
// what is there. Nothing acknowledged may be missing, nothing may be there twice.
//
// Paying structures is broken at every statement (paying_crash_test.go), and in any order of
// steps with crashes anywhere (paying_property_test.go), beside a bank that remembers by
// itself what it was ordered: nothing may be paid twice, nothing skipped.
//
// The tests need the programs that production meets: PostgreSQL's own, pgbouncer,
// Chromium. Where one is missing they fail and say how to install it; none is skipped.
package faults
