package bench

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/passerelle/passerelle/internal/app"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// The stage: campaigns and structures share the vouchers evenly, so that no row is
// hotter than another.
const (
	campaignsMany  = 10
	structuresMany = 64
	face           = vouchers.Cents(1000)
	bookletSize    = 2
	theme          = "everyday_tools"
)

// stage is a database full of vouchers and a service that takes them. Booklets are used
// up in the order of their serials, by whichever kind of slice comes next.
type stage struct {
	opts    Options
	db      *db.DB
	server  *db.Embedded
	program *app.Program
	keys    *vouchers.Keyring
	today   vouchers.Day
	next    int // first booklet that no slice has used
	last    int
}

func newStage(ctx context.Context, opts Options, server *db.Embedded, program *app.Program, cfg app.Config) (*stage, error) {
	file, err := os.ReadFile(cfg.KeysFile)
	if err != nil {
		return nil, err
	}
	keys, err := vouchers.ParseKeys(file)
	if err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, server.URL(), time.Now)
	if err != nil {
		return nil, err
	}
	s := &stage{opts: opts, db: d, server: server, program: program, keys: keys, today: vouchers.DayOf(time.Now()), next: 1, last: opts.Rows / bookletSize}
	fmt.Fprintf(opts.Out, "filling a database with %d vouchers of %d campaigns and %d structures…\n", opts.Rows, campaignsMany, structuresMany)
	if err := s.fill(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return s, nil
}

func (s *stage) close() { s.db.Close() }

// token is the API token of the n-th structure, from 0.
func token(n int) string { return fmt.Sprintf("psl_bench-%043d", n) }

// fill writes what campaigns, orders, labels and hand-overs would have written.
func (s *stage) fill(ctx context.Context) error {
	hashes, err := s.typedHashes()
	if err != nil {
		return err
	}
	tokens := make([][]byte, structuresMany)
	for i := range tokens {
		sum := sha256.Sum256([]byte(token(i)))
		tokens[i] = sum[:]
	}
	return fill(ctx, s.db, fillings, map[string]any{
		"today": s.today, "campaigns": campaignsMany, "structures": structuresMany, "booklets": s.last,
		"size": bookletSize, "face": int64(face), "theme": theme, "key": int(s.keys.Current()),
		"hashes": db.Array(hashes), "tokens": db.Array(tokens),
	})
}

// fill runs fillings with their values, and "now".
func fill(ctx context.Context, d *db.DB, all []filling, values map[string]any) error {
	return d.InTx(ctx, func(tx *db.Tx) error {
		values["now"] = tx.Now
		for _, one := range all {
			var args []any
			for _, name := range one.args {
				args = append(args, values[name])
			}
			if _, err := tx.Exec(ctx, one.sql, args...); err != nil {
				return fmt.Errorf("%s: %w", one.sql, err)
			}
		}
		return nil
	})
}

func (s *stage) typedHashes() ([][]byte, error) {
	hashes := make([][]byte, s.last)
	for i := range hashes {
		serial := i + 1
		typed, err := s.keys.Typed(s.keys.Current(), campaignOf(serial), uint32(serial))
		if err != nil {
			return nil, err
		}
		if hashes[i], err = s.keys.HashWith(s.keys.Current(), typed); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// campaignOf spreads booklets over the campaigns as fillings does.
func campaignOf(serial int) vouchers.CampaignID {
	return vouchers.CampaignID(serial%campaignsMany + 1)
}

// payload is the QR payload of a booklet.
func (s *stage) payload(serial int) (string, error) {
	return s.keys.Sign(s.keys.Current(), vouchers.Ticket{Campaign: campaignOf(serial), Serial: uint32(serial),
		Face: face, Count: bookletSize, From: s.today, Until: s.today.AddDays(90)})
}

// take gives the first of n booklets that no slice has used. The slice says with used how
// many it used up.
func (s *stage) take(n int) (first int, err error) {
	if s.next+n > s.last {
		return 0, fmt.Errorf("bench: %d vouchers are too few for so many slices: ask for more with --rows", s.opts.Rows)
	}
	return s.next, nil
}

func (s *stage) used(n int) { s.next += n }

// verify recomputes the invariants over all that both kinds of slices wrote.
func (s *stage) verify(ctx context.Context) (bool, error) { return verify(ctx, s.db, s.opts.Out) }

func verify(ctx context.Context, d *db.DB, out io.Writer) (bool, error) {
	var findings []reporting.Finding
	err := d.Read(ctx, func(tx *db.Tx) (err error) {
		findings, err = reporting.Verify(ctx, tx, settlement.FileOf)
		return err
	})
	ok := err == nil
	for _, f := range findings {
		if !f.OK {
			ok = false
			fmt.Fprintf(out, "%s is broken: %v\n", f.ID, f.Evidence)
		}
	}
	return ok, err
}

// peakRSS is this process's largest memory so far, in MB.
func peakRSS() int {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return int(usage.Maxrss / 1024)
}
