package faults_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

// root is the folder of the module.
const root = "../.."

// texts are all string literals and selected names of the program, test files left out,
// and the migrations without their comments: place → text.
func texts(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	files := token.NewFileSet()
	must(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && len(entry.Name()) > 2 || slices.Contains([]string{"node_modules", "data"}, entry.Name())):
			return filepath.SkipDir
		case filepath.Dir(path) == filepath.Join(root, "migrations") && filepath.Ext(path) == ".sql":
			text, err := os.ReadFile(path)
			found[path] = sqlComment.ReplaceAllString(string(text), "")
			return err
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					found[files.Position(n.Pos()).String()] = n.Value
				}
			case *ast.SelectorExpr:
				found[files.Position(n.Sel.Pos()).String()] = n.Sel.Name
			}
			return true
		})
		return nil
	}))
	if len(found) < 1000 {
		t.Fatalf("only %d texts: the program was not found", len(found))
	}
	return found
}

var sqlComment = regexp.MustCompile(`--[^\n]*`)

// Finding 1 of the threat model: SERIALIZABLE let write skew through, so nothing rests on it.
func TestNothingAsksForSerializable(t *testing.T) {
	t.Parallel()
	asks := regexp.MustCompile(`(?i)^LevelSerializable$|\b(isolation\s+level\s+serializable|(default_)?transaction_isolation\b)`)
	if !asks.MatchString("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE") || !asks.MatchString("LevelSerializable") {
		t.Fatal("the search finds nothing")
	}
	for place, text := range texts(t) {
		if asks.MatchString(text) {
			t.Errorf("%s: %.80q", place, text)
		}
	}
	d := pgtest.New(t)
	var level, standard string
	must(t, d.InTx(t.Context(), func(tx *db.Tx) error {
		if err := tx.Get(t.Context(), &level, `SELECT current_setting('transaction_isolation')`); err != nil {
			return err
		}
		return tx.Get(t.Context(), &standard, `SELECT current_setting('default_transaction_isolation')`)
	}))
	if level != "read committed" || standard != "read committed" {
		t.Errorf("a transaction is %q, the server's default %q", level, standard)
	}
	walking, err := d.Walking(t.Context())
	must(t, err)
	defer walking.Close()
	var levels []string
	must(t, walking.Alone(t.Context(), &levels, `SELECT current_setting('transaction_isolation')`))
	if levels[0] != "read committed" {
		t.Errorf("a statement alone is %q", levels[0])
	}
}

// together lets n goroutines loose at once and counts how each ended, by fault code; ""
// is success, "?" an error that is no fault.
func together(n int, try func(i int) error) map[string]int {
	ended := map[string]int{}
	var mu sync.Mutex
	var working sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		working.Go(func() {
			<-start
			err := try(i)
			code := fault.Code(err)
			if err != nil && code == "" {
				code = "?"
			}
			mu.Lock()
			defer mu.Unlock()
			ended[code]++
		})
	}
	close(start)
	working.Wait()
	return ended
}

const racers = 32

// What holds instead: a row lock on the campaign's funds and guarded updates. 32 people
// promise and hand over the same money at once; 100 vouchers are funded, so there is
// enough for half of what they ask.
func TestNoMoneyIsPromisedOrHandedOverTwice(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	c := w.NewCampaign("Contested", 40)
	w.Fund(c, 60*c.Face)
	ended := together(racers, func(i int) error {
		if i%2 == 0 {
			_, err := w.Issuing.Allocate(t.Context(), w.Funder, issuing.AllocateRequest{
				Campaign: c.ID, Prescriber: w.Prescriber.Organisation, Vouchers: 10})
			return err
		}
		_, err := w.Issuing.HandOver(t.Context(), w.Prescriber, issuing.HandOverRequest{Campaign: c.ID, Count: 10})
		return err
	})
	allocated := number(t, w.DB, `SELECT sum(vouchers) FROM allocations WHERE campaign_id = $1`, c.ID)
	handed := number(t, w.DB, `SELECT count(*) FROM vouchers WHERE campaign_id = $1`, c.ID)
	if allocated != 100 || handed > allocated || ended["allocation_not_funded"] != racers/2-6 || ended["?"] != 0 {
		t.Errorf("100 funded, %d allocated, %d handed over: %v", allocated, handed, ended)
	}
	var funds vouchers.Cents
	must(t, w.DB.InTx(t.Context(), func(tx *db.Tx) (err error) {
		funds, err = ledger.Balance(t.Context(), tx, ledger.Funds(c.ID))
		return err
	}))
	if funds != vouchers.Cents(100-handed)*c.Face {
		t.Errorf("%d handed over of 100, and %s are left", handed, funds)
	}
	if ids := broken(t, w.DB); len(ids) != 0 {
		t.Error(ids)
	}
}

// The positive control: reading a sum and then writing, without a lock, promises more
// than there is in the same race. (Each waits after reading, so that all have read.)
func TestTheRaceCatchesAPromiseWithoutALock(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	before := number(t, w.DB, `SELECT vouchers FROM allocations WHERE campaign_id = $1`, w.Campaign.ID)
	var read sync.WaitGroup
	read.Add(racers)
	ended := together(racers, func(int) error {
		return w.DB.InTx(t.Context(), func(tx *db.Tx) error {
			var promised int
			err := tx.Get(t.Context(), &promised, `SELECT vouchers FROM allocations WHERE campaign_id = $1`, w.Campaign.ID)
			read.Done()
			read.Wait()
			if err != nil || promised > before {
				return fault.New(fault.Conflict, "allocation_not_funded")
			}
			_, err = tx.Exec(t.Context(), `UPDATE allocations SET vouchers = vouchers + 1 WHERE campaign_id = $1`, w.Campaign.ID)
			return err
		})
	})
	after := number(t, w.DB, `SELECT vouchers FROM allocations WHERE campaign_id = $1`, w.Campaign.ID)
	if after-before < 2 {
		t.Errorf("%d were promised where one was allowed: %v", after-before, ended)
	}
	if ids := broken(t, w.DB); !slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(id, "INV-9 ") }) {
		t.Errorf("verify does not see it: %v", ids)
	}
}
