package continuity

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

func TestOneExportADayAndTheLastFourteenStay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Service.o.Dir = filepath.Join(t.TempDir(), "exports")
	w.ok(os.MkdirAll(filepath.Join(w.Service.o.Dir, "1999-01-01"), 0o750)) // no export: somebody's own
	cut := filepath.Join(w.Service.o.Dir, unfinished+"12")
	w.ok(os.MkdirAll(cut, 0o750))
	w.ok(os.Chtimes(cut, time.Time{}, w.Clock.Now().Add(-48*time.Hour)))
	var days []string
	for range 16 {
		w.ok(w.Daily(t.Context()))
		w.ok(w.Daily(t.Context())) // the day has its export
		days = append(days, vouchers.DayOf(w.Clock.Now()).String())
		w.Clock.Add(24 * time.Hour)
	}
	if got := entries(t, w.Service.o.Dir); !slices.Equal(got, append([]string{"1999-01-01"}, days[2:]...)) {
		t.Errorf("%v", got)
	}
	st, err := w.State(t.Context(), w.Operator)
	if err != nil || len(st.Made) != 16 || st.Made[0].By != nil || st.Late || !st.Daily || st.Problem != "" {
		t.Errorf("%+v, %v", st, err)
	}
	w.Clock.Add(25 * time.Hour)
	if st, err = w.State(t.Context(), w.Operator); err != nil || !st.Late {
		t.Errorf("two days without an export are not late: %v", err)
	}
}

func TestWithoutAFolderNothingIsDueEachDay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.ok(w.Daily(t.Context()))
	if st, err := w.State(t.Context(), w.Operator); err != nil || st.Late || st.Daily || len(st.Made) != 0 {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestTheOperatorSeesWhyTheExportOfTheDayFailed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Service.o.Dir = t.TempDir()
	w.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `
			INSERT INTO jobs (kind, unique_key, payload, run_at, attempts, max_attempts, state, last_error, created_at)
			VALUES ($2, 'today', '{}', $1, 2, 30, 'queued', 'no space left on device', $1)`, tx.Now, "every:"+JobName)
		return err
	})
	st, err := w.State(t.Context(), w.Operator)
	if err != nil || st.Problem != "no space left on device" || !st.Late {
		t.Errorf("%+v, %v", st, err)
	}
	if _, err := w.State(t.Context(), w.Funder); fault.Code(err) != "forbidden" {
		t.Errorf("a funder: %v", err)
	}
}

func TestTrusteesAreReadAndAPrivateKeyIsNeverRepeated(t *testing.T) {
	t.Parallel()
	one, private, err := NewTrustee()
	if err != nil {
		t.Fatal(err)
	}
	two := newTrustee(t)
	var both Trustees
	if err := both.UnmarshalText([]byte(" " + one.Key + ", " + two.public[0].Key + ",")); err != nil || len(both) != 2 || both.Keys()[0] != one.Key {
		t.Errorf("%v, %v", both.Keys(), err)
	}
	secret := strings.Fields(string(private))[len(strings.Fields(string(private)))-1]
	for text, says := range map[string]string{
		secret:                             "private key",
		strings.ToLower(secret):            "private key",
		one.Key + "," + secret:             "private key",
		one.Key[:len(one.Key)-1]:           "key 1 is no public key of age",
		one.Key + ",somebody":              "key 2 is no public key of age",
		"ssh-ed25519 AAAAC3NzaC1lZDI1":     "key 1 is no public key of age",
		one.Key + "\n" + two.public[0].Key: "key 1 is no public key of age",
	} {
		var none Trustees
		err := none.UnmarshalText([]byte(text))
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(strings.ToUpper(err.Error()), strings.ToUpper(secret)[:24]) || len(none) != 0 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestATableIsCarriedUnlessItIsSaidWhyNot(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.ok(w.DB.Read(t.Context(), func(tx *db.Tx) error {
		var names []string
		if err := tx.Select(t.Context(), &names, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`); err != nil {
			return err
		}
		for name := range leftBehind {
			if !slices.Contains(names, name) {
				t.Errorf("there is no table %s to leave behind", name)
			}
		}
		for _, name := range append(slices.Clone(seeded), "invoices", "payouts") {
			if !slices.Contains(names, name) {
				t.Errorf("there is no table %s", name)
			}
		}
		// What lets somebody act is not carried: such columns are called so.
		var credentials []string
		err := tx.Select(t.Context(), &credentials, `SELECT DISTINCT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
			WHERE a.attname LIKE '%token%' AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace`)
		for _, name := range credentials {
			if leftBehind[name] == "" {
				t.Errorf("%s holds tokens and is carried", name)
			}
		}
		// A table that refers to itself has an order in which each row comes after the one it names.
		var loops []string
		if err := errors.Join(err, tx.Select(t.Context(), &loops, `SELECT DISTINCT c.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
			WHERE k.contype = 'f' AND k.conrelid = k.confrelid`)); err != nil {
			return err
		}
		for _, name := range loops {
			if inOrder[name] == "" {
				t.Errorf("%s refers to itself and has no order", name)
			}
		}
		return nil
	}))
}

func TestTablesThatReferInACircleAreRefused(t *testing.T) {
	t.Parallel()
	tables := []table{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	sorted, err := inTurn(tables, []reference{{"a", "b"}, {"b", "c"}})
	if err != nil || sorted[0].Name != "c" || sorted[2].Name != "a" {
		t.Errorf("%v, %v", sorted, err)
	}
	if _, err := inTurn(tables, []reference{{"a", "b"}, {"b", "a"}}); err == nil {
		t.Error("a circle is in order")
	}
}
