// Package fault holds the errors that a person may be told about.
//
// A fault has a kind (which becomes an HTTP status), a stable code (which scripts
// rely on) and named values. The sentence itself is in the message catalogues under
// "fault.<code>", so that it is said in the reader's language. Every other error is
// the program's own trouble and is answered with a reference and nothing else.
package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind tells what sort of refusal a fault is.
type Kind uint8

const (
	Invalid         Kind = iota + 1 // understood, but a rule forbids it
	Malformed                       // cannot be read
	Unauthenticated                 // nobody has signed in
	Forbidden                       // signed in, without the right
	NotFound                        // absent, or another organisation's: the same answer
	Conflict                        // true a moment ago, or done by somebody else
	Gone                            // was there, its time is over
	RateLimited                     // too many tries
	TooLarge                        // more than is accepted at once
	Unavailable                     // outcome unknown or service busy: try again with the same key
)

// Error is a fault. Code is stable and snake_case; Args are the sentence's values.
type Error struct {
	Kind Kind
	Code string
	Args map[string]any
}

// New makes a fault. pairs alternates names and values: "place", "Lyon 3", "at", t.
// It panics on an odd number of pairs or a name that is no string, which only a
// programmer can cause.
func New(kind Kind, code string, pairs ...any) *Error {
	if len(pairs)%2 != 0 {
		panic("fault.New: odd number of pairs for " + code)
	}
	args := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		args[pairs[i].(string)] = pairs[i+1]
	}
	return &Error{Kind: kind, Code: code, Args: args}
}

// Error writes the code and the names of the values. Values are left out because
// errors end in logs and values may be personal.
func (e *Error) Error() string {
	names := make([]string, 0, len(e.Args))
	for name := range e.Args {
		names = append(names, name)
	}
	if len(names) == 0 {
		return e.Code
	}
	slices.Sort(names)
	return fmt.Sprintf("%s (%s)", e.Code, strings.Join(names, ", "))
}

// Is reports whether target is a fault with the same code, so that
// errors.Is(err, fault.New(k, "code_unknown")) reads well in tests.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code
}

// Code gives the code of the fault in err's chain, or "" where there is none.
func Code(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
