package faults_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// tally counts the crashes of a step.
type tally struct {
	before, after   int // a statement: it was never heard of, or it was done and its answer lost
	commits         int // of those after: COMMITs that nobody was told of
	replays, anew   int // steps done again with their key, or by somebody without it
	together        int // at two instances at once
	longest         int // in statements
	asked           map[string]bool
	crashed, losing map[string]bool // statements that a crash came before, or after
}

func (p *paying) tally(name string) *tally {
	if p.seen[name] == nil {
		p.seen[name] = &tally{asked: map[string]bool{}, crashed: map[string]bool{}, losing: map[string]bool{}}
	}
	return p.seen[name]
}

func (p *paying) note(s step, now try, h heard) {
	asked, fired, err := h.asked, h.fired, h.err
	t := p.tally(s.name)
	t.longest = max(t.longest, len(asked))
	for _, statement := range asked {
		if !strings.HasPrefix(statement, "ROLLBACK") { // as good as the end of its line
			t.asked[statement] = true
		}
	}
	how := "is done"
	switch {
	case fired && now.crash.before:
		how = fmt.Sprintf("crashes before statement %d (%.40s)", len(asked), oneLine(last(asked)))
		t.before++
		t.crashed[last(asked)] = true
	case fired:
		how = fmt.Sprintf("crashes after statement %d (%.40s)", len(asked), oneLine(last(asked)))
		t.after++
		t.losing[last(asked)] = true
		if isCommit(last(asked)) {
			t.commits++
		}
	case err != nil:
		how = "hears " + err.Error()
	}
	p.tells("%s %s, key %q, person %d: %s", s.name, s.what, now.key, now.who.Person, how)
}

func oneLine(statement string) string { return strings.Join(strings.Fields(statement), " ") }

func last(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

func isCommit(statement string) bool { return strings.HasPrefix(statement, "COMMIT") }

// readsOnly says whether the transaction in which the statements end cannot write.
func readsOnly(asked []string) bool {
	for _, statement := range slices.Backward(asked) {
		if strings.HasPrefix(statement, "BEGIN") {
			return strings.Contains(statement, "READ ONLY")
		}
	}
	return false
}

// and adds the counts of another.
func (t *tally) and(other *tally) *tally {
	if other == nil {
		return t
	}
	return &tally{before: t.before + other.before, after: t.after + other.after, commits: t.commits + other.commits,
		replays: t.replays + other.replays, anew: t.anew + other.anew, together: t.together + other.together, longest: max(t.longest, other.longest)}
}

// logCounts tells how often what crashed.
func logCounts(t *testing.T, all map[string]*tally) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		one := all[name]
		t.Logf("%-9s of up to %2d statements: %3d crashes before one, %3d after one (%2d of them COMMITs); %2d done again, %2d anew, %2d at two instances at once",
			name, one.longest, one.before, one.after, one.commits, one.replays, one.anew, one.together)
	}
}
