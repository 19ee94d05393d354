// Passerelle is a voucher and mediation-service marketplace: see README.md.
//
// SPDX-License-Identifier: AGPL-3.0-or-later
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	_ "time/tzdata" // days are French days, also where the machine has no zone files

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"

	"github.com/passerelle/passerelle/internal/app"
)

type commands struct {
	Serve   serve   `cmd:"" help:"Run the service."`
	Demo    demo    `cmd:"" help:"Run the whole life of a campaign through the HTTP API, on invented data, then serve it."`
	Migrate migrate `cmd:"" help:"Bring the database's schema up to date."`
	Verify  verify  `cmd:"" help:"Recompute the invariants from the rows; exit 1 when one is broken."`

	VerifyProof verifyProof `cmd:"" help:"Check a file of proofs, without network or database; exit 1 when one does not hold."`

	Keys struct {
		Rotate rotate `cmd:"" help:"Add a key that signs from now on. Codes made before stay valid. Start every service again afterwards."`
	} `cmd:"" help:"The secrets of the codes."`
	Admin struct {
		Create createAdmin `cmd:"" help:"Make an admin of the operator. The password is PASSERELLE_PASSWORD, or asked for, or made and printed."`
	} `cmd:"" help:"The operator's people."`
	Import struct {
		Places    importPlaces    `cmd:"" help:"Import places from a file in standard-mediation-num (CSV, JSON) or data·inclusion (JSON)."`
		Statement importStatement `cmd:"" help:"Import a bank statement (camt.053 or camt.054)."`

		Continuity importContinuity `cmd:"" help:"Take over another operator's export, with the trustee's key, into an empty instance."`
	} `cmd:"" help:"Bring files in."`
	Export struct {
		Places exportPlaces `cmd:"" help:"Write the public files of labelled places, in the national formats."`
		FEC    exportFEC    `cmd:"" name:"fec" help:"Write a year's accounting entries as the French tax administration wants them (FEC)."`

		Continuity exportContinuity `cmd:"" help:"Write what a trustee needs to pay everyone without this software, encrypted to TRUSTEE_KEYS."`
	} `cmd:"" help:"Take files out."`
	Bench struct {
		Redeem   benchRedeem   `cmd:"" help:"Redemptions over HTTP beside hand-written SQL in pgbench, in alternating slices of one run."`
		Settle   benchSettle   `cmd:"" help:"A settlement of all redemptions, closed, approved and fetched as a file, beside the plain sum and COPY of the same rows, in alternating slices of one run."`
		Search   benchSearch   `cmd:"" help:"How well and how fast questions are answered, beside a plain look-up."`
		Coverage benchCoverage `cmd:"" help:"How far people have to go, in a région and in the whole country, beside reading the places."`
	} `cmd:"" help:"Measure, each time beside a limit."`
}

// program is what every command gets.
type program struct {
	context.Context
	cfg app.Config
	log *slog.Logger
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx)
	stop()
	os.Exit(code)
}

// run returns the exit code: 0, 1 when the command fails, kong's when it is not understood.
func run(ctx context.Context) int {
	parser := kong.Must(&commands{}, kong.Name("passerelle"), kong.Help(printHelp), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Description("Digital-culture vouchers: every live cheque is covered by money that is there. “passerelle help COMMAND” tells more."))
	chosen, err := parser.Parse(withHelp(os.Args[1:]))
	parser.FatalIfErrorf(err)
	cfg, err := app.ReadConfig(os.Environ())
	if err == nil {
		err = chosen.Run(&program{ctx, cfg, app.NewLog(os.Stderr, slog.LevelInfo)})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "passerelle:", app.Sentence(err))
		return 1
	}
	return 0
}

// withHelp makes "help COMMAND" of "COMMAND --help", and help of nothing at all.
func withHelp(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(args[1:], "--help")
	}
	return args
}

// printHelp adds the environment to the list of all commands.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil || ctx.Selected() != nil {
		return err
	}
	return app.PrintConfig(ctx.Stdout)
}

type serve struct {
	Demo bool `help:"Load the demonstration into an empty database first."`
}

func (s *serve) Run(p *program) error {
	if s.Demo {
		return app.ServeDemo(p, p.cfg, p.log)
	}
	return app.Serve(p, p.cfg, p.log)
}

type demo struct {
	Once   bool   `help:"Exit after the cycle."`
	JSON   bool   `name:"json" help:"Print the result as one JSON object on standard output."`
	Places string `type:"existingfile" placeholder:"FILE" help:"Places in standard-mediation-num, instead of the invented territory."`
	Out    string `type:"path" placeholder:"DIR" help:"Folder for the files of the cycle: booklets, bank files, statements, reports."`
}

func (d *demo) Run(p *program) error {
	return app.RunDemo(p, p.cfg, app.DemoOptions{Once: d.Once, JSON: d.JSON, Places: d.Places, Out: d.Out, Stdout: os.Stdout, Stderr: os.Stderr})
}

type migrate struct{}

func (migrate) Run(p *program) error { return app.Migrate(p, p.cfg, p.log) }

type verify struct {
	JSON bool `name:"json" help:"Print the findings as JSON."`
}

func (v *verify) Run(p *program) error {
	findings, err := app.Verify(p, p.cfg, p.log)
	if err != nil {
		return err
	}
	if v.JSON {
		err = writeJSON(os.Stdout, findings)
	} else {
		for _, f := range findings {
			fmt.Printf("%-7s %v\n", f.ID, f.OK)
		}
	}
	return errors.Join(err, app.Broken(findings))
}

type verifyProof struct {
	File string   `arg:"" type:"existingfile" help:"The file, as it was downloaded."`
	Key  []string `placeholder:"BASE64" help:"The public key that is trusted, as the operator publishes it at /seals; may be given several times. Default: the key that the file names."`
}

func (v *verifyProof) Run(*program) error {
	file, err := os.Open(v.File)
	if err != nil {
		return err
	}
	defer file.Close()
	return app.CheckProofs(file, v.Key, os.Stdout)
}

type rotate struct{}

func (rotate) Run(p *program) error {
	id, err := app.RotateKeys(p.cfg.KeysFile)
	if err == nil {
		fmt.Printf("key %d signs from now on: start every service again\n", id)
	}
	return err
}

type createAdmin struct {
	Email string `arg:"" help:"The admin's e-mail address."`
}

func (c *createAdmin) Run(p *program) error {
	given, err := askPassword()
	if err != nil {
		return err
	}
	password, err := app.CreateAdmin(p, p.cfg, p.log, c.Email, given)
	if err != nil {
		return err
	}
	fmt.Println("admin:", c.Email)
	if given == "" {
		fmt.Println("password, shown this once:", password)
	}
	return nil
}

// askPassword takes PASSERELLE_PASSWORD, or asks where somebody is there to answer. ""
// means that one is to be made.
func askPassword() (string, error) {
	if password := os.Getenv("PASSERELLE_PASSWORD"); password != "" {
		return password, nil
	}
	if !isatty.IsTerminal(os.Stdin.Fd()) {
		return "", nil
	}
	fmt.Fprint(os.Stderr, "Password (empty: make one): ")
	echo("-echo")
	defer echo("echo")
	text, err := bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Fprintln(os.Stderr)
	return strings.TrimRight(text, "\r\n"), err
}

// echo tells the terminal whether to show what is typed. Where it cannot, the password
// is seen, which whoever types it notices.
func echo(mode string) {
	stty := exec.Command("stty", mode)
	stty.Stdin = os.Stdin
	_ = stty.Run()
}

type importPlaces struct {
	File   string `arg:"" type:"existingfile" help:"The file."`
	Source string `help:"Who made the file; a place is known again by it and its id. Default: the file's name."`
	As     string `placeholder:"EMAIL" help:"The operator's member who imports. Default: the first admin."`

	Services string `type:"existingfile" placeholder:"FILE" help:"The services of data·inclusion, where structures and services are two files."`
	DryRun   bool   `help:"Tell what would be added, updated and refused; keep nothing."`
}

func (i *importPlaces) Run(p *program) error {
	if i.Source == "" {
		i.Source = strings.ToLower(strings.TrimSuffix(filepath.Base(i.File), filepath.Ext(i.File)))
	}
	return importFile(i.File, func(file io.Reader) (any, error) {
		in := app.Import{File: file, Source: i.Source, As: i.As, DryRun: i.DryRun}
		if i.Services != "" {
			services, err := os.Open(i.Services)
			if err != nil {
				return nil, err
			}
			defer services.Close()
			in.Services = services
		}
		return app.ImportPlaces(p, p.cfg, p.log, in)
	})
}

type importStatement struct {
	File string `arg:"" type:"existingfile" help:"The file."`
	As   string `placeholder:"EMAIL" help:"The operator's member who imports. Default: the first admin."`
}

func (i *importStatement) Run(p *program) error {
	return importFile(i.File, func(file io.Reader) (any, error) {
		return app.ImportStatement(p, p.cfg, p.log, app.Import{File: file, Progress: os.Stderr, As: i.As})
	})
}

func importFile(name string, do func(io.Reader) (any, error)) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	report, err := do(file)
	if err != nil {
		return err
	}
	return writeJSON(os.Stdout, report)
}

type exportPlaces struct {
	Dir string `arg:"" type:"path" help:"Where to write them."`
}

func (e *exportPlaces) Run(p *program) error {
	return app.ExportPlaces(p, p.cfg, p.log, e.Dir)
}

type exportFEC struct {
	Year int    `arg:"" help:"The calendar year."`
	Out  string `type:"path" placeholder:"FILE" help:"Where to write it. Default: here, under the name that the law gives to it."`
}

func (e *exportFEC) Run(p *program) error {
	file, err := os.CreateTemp(filepath.Dir(e.Out), "fec-*.part") // half a file never has the file's name
	if err != nil {
		return err
	}
	name, err := app.ExportFEC(p, p.cfg, p.log, e.Year, file)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	if e.Out == "" {
		e.Out = name
	}
	if err := os.Rename(file.Name(), e.Out); err != nil {
		return err
	}
	fmt.Println("written:", e.Out)
	return nil
}

type exportContinuity struct {
	Dir string `arg:"" type:"path" help:"A folder that does not exist, or is empty."`
}

func (e *exportContinuity) Run(p *program) error {
	made, err := app.ExportContinuity(p, p.cfg, p.log, e.Dir)
	if err != nil {
		return err
	}
	fmt.Printf("written: %s, %d files, owed to structures: %s\nSHA-256 of its manifest: %x\n", made.Folder, made.Files, made.Owed, made.Manifest)
	return nil
}

type importContinuity struct {
	Dir      string `arg:"" type:"existingdir" help:"The export, as it was written."`
	Identity string `required:"" type:"existingfile" placeholder:"FILE" help:"The trustee's private key, as age-keygen wrote it."`
	Key      string `placeholder:"BASE64" help:"The public key of the operator before, as the trustee has noted it. Default: the key that the export names."`
	Paid     bool   `help:"The payment file was given to the bank: what it pays is in settlement, and waits for the bank's statement."`
}

func (i *importContinuity) Run(p *program) error {
	done, err := app.ImportContinuity(p, p.cfg, p.log, app.ContinuityImport{Dir: i.Dir, Identity: i.Identity, Key: i.Key, Paid: i.Paid})
	if err != nil {
		return err
	}
	if i.Key == "" {
		fmt.Fprintf(os.Stderr, "Signed with %s: compare it with the key that the trustee has noted.\n", base64.StdEncoding.EncodeToString(done.Key.Ed25519))
	}
	fmt.Fprintln(os.Stderr, "Taken over. Make your first admin (passerelle admin create EMAIL), then start every service again.")
	return writeJSON(os.Stdout, done)
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
