package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/passerelle/passerelle/internal/app"
	"github.com/passerelle/passerelle/internal/bench"
)

type benchRedeem struct {
	Clients int           `default:"32" help:"Redeeming at the same time; one client is measured besides."`
	Rows    int           `default:"1000000" help:"Vouchers in the database."`
	Slices  int           `default:"5" help:"Of each kind, alternating."`
	Slice   time.Duration `default:"3s" help:"How long each lasts."`
	JSON    bool          `name:"json" help:"Print the result as one JSON object on standard output."`
}

func (b *benchRedeem) Run(p *program) error {
	result, err := bench.Redeem(p, bench.Options{Clients: b.Clients, Rows: b.Rows, Slices: b.Slices, Slice: b.Slice,
		Log: app.NewLog(os.Stderr, slog.LevelWarn), Out: os.Stderr})
	if err != nil {
		return err
	}
	if b.JSON {
		return writeJSON(os.Stdout, result)
	}
	result.Print(os.Stdout)
	return nil
}

type benchSettle struct {
	Rows   int  `default:"1000000" help:"Redemptions to settle, a hundred to a structure."`
	Slices int  `default:"5" help:"Of each kind, alternating."`
	JSON   bool `name:"json" help:"Print the result as one JSON object on standard output."`
}

// Help says what is measured.
func (benchSettle) Help() string {
	return "The limit: PostgreSQL sums the redemptions by structure and campaign, and copies the same rows into a file on its own machine (COPY). " +
		"The value: the service's own use cases close a settlement, approve it and fetch its file, which is made three times: fixed by its hash, compared, given; " +
		"no HTTP is in it. Each slice runs on a copy of the database that has been read once, so both find their rows in memory. " +
		"The ledger is rolled up beforehand, as the service does every minute. gate_ms is the longest that a redemption would have waited. " +
		"Memory is this program's, PostgreSQL's not counted."
}

func (b *benchSettle) Run(p *program) error {
	result, err := bench.Settle(p, bench.SettleOptions{Rows: b.Rows, Slices: b.Slices, Log: app.NewLog(os.Stderr, slog.LevelWarn), Out: os.Stderr})
	if err != nil {
		return err
	}
	if b.JSON {
		return writeJSON(os.Stdout, result)
	}
	result.Print(os.Stdout)
	return nil
}

type benchCoverage struct {
	Places int  `default:"20000" help:"Places in the database."`
	Runs   int  `default:"5" help:"Of each area."`
	JSON   bool `name:"json" help:"Print the results as JSON on standard output."`
}

func (b *benchCoverage) Run(p *program) error {
	results, err := bench.Coverage(p, bench.CoverageOptions{Places: b.Places, Runs: b.Runs, Log: app.NewLog(os.Stderr, slog.LevelWarn)})
	if err != nil {
		return err
	}
	if b.JSON {
		return writeJSON(os.Stdout, results)
	}
	bench.PrintCoverage(os.Stdout, results)
	return nil
}

type benchSearch struct {
	Places int  `default:"20000" help:"Places in the database."`
	Rounds int  `default:"3" help:"Of all judged questions."`
	JSON   bool `name:"json" help:"Print the result as one JSON object on standard output."`
}

func (b *benchSearch) Run(p *program) error {
	result, err := bench.Search(p, bench.SearchOptions{Places: b.Places, Rounds: b.Rounds, Log: app.NewLog(os.Stderr, slog.LevelWarn)})
	if err != nil {
		return err
	}
	if b.JSON {
		return writeJSON(os.Stdout, result)
	}
	result.Print(os.Stdout)
	return nil
}
