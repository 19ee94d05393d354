// Package app makes a whole program of a configuration: database, rooms, window, jobs.
// The command line and the stories use it; it is the only place that reads the
// environment and the machine's clock.
package app

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"text/tabwriter"

	"github.com/caarlos0/env/v11"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/continuity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/internal/vop"
	"github.com/passerelle/passerelle/vouchers"
)

// Config is everything that can be set from outside. `passerelle help` prints it.
type Config struct {
	DatabaseURL string  `env:"DATABASE_URL" help:"PostgreSQL 15 or later to use, with pool_mode=transaction in it where it is reached through such a pooler; without it a private one runs under PASSERELLE_DATA"`
	Data        string  `env:"PASSERELLE_DATA" envDefault:"./data" help:"folder of the private PostgreSQL, the keys, the outbox and settings.env"`
	Port        uint16  `env:"PORT" envDefault:"8080" help:"port to listen on"`
	PublicURL   string  `env:"PUBLIC_URL" help:"address that browsers and QR codes use; default http://localhost:PORT"`
	Proxies     proxies `env:"TRUSTED_PROXY" help:"addresses or networks, separated by commas, whose X-Forwarded-For is believed"`
	KeysFile    string  `env:"KEYS_FILE" help:"secrets of the codes; default PASSERELLE_DATA/keys.json, made on the first start"`
	SMTPURL     string  `env:"SMTP_URL" help:"smtp://user:password@host:587 or smtps://…; without it notices are files in PASSERELLE_DATA/outbox"`
	MailFrom    string  `env:"MAIL_FROM" envDefault:"Passerelle <bonjour@passerelle.example>" help:"sender of notices; to be set with SMTP_URL"`

	OperatorName    string `env:"OPERATOR_NAME" envDefault:"Passerelle" help:"the operator, as quotes, invoices and bank files name it"`
	OperatorAddress string `env:"OPERATOR_ADDRESS" help:"its address: street, postcode town"`
	OperatorSIRET   string `env:"OPERATOR_SIRET" help:"its SIRET, 14 digits"`
	OperatorPhone   string `env:"OPERATOR_PHONE" help:"whom holders of cheques can call, as it is read out"`
	SegregatedIBAN  string `env:"SEGREGATED_IBAN" help:"the bank account that holds face value; without it nothing can be settled"`
	SegregatedBIC   string `env:"SEGREGATED_BIC" help:"its BIC; may be absent"`
	OperatingIBAN   string `env:"OPERATING_IBAN" help:"the operator's own bank account, to which fees are paid; without it nothing can be charged for the service"`
	OperatingBIC    string `env:"OPERATING_BIC" help:"its BIC; may be absent"`

	SettlementDays      settlement.Calendar `env:"SETTLEMENT_DAYS" envDefault:"tue" help:"days on which structures are paid: daily (Monday to Friday), or some of mon, tue, wed, thu, fri, sat, sun"`
	SettlementMinimum   uint32              `env:"SETTLEMENT_MINIMUM" envDefault:"0" help:"in euros: what a structure is owed below it waits for more, 30 days at most or until the structure asks for it"`
	DebtNoteFrom        int                 `env:"DEBT_NOTE_FROM" envDefault:"100" help:"euros; a structure that owes as much for corrected redemptions is asked to pay by a debt note"`
	DebtNoteDays        int                 `env:"DEBT_NOTE_AFTER_DAYS" envDefault:"90" help:"days after which a smaller debt is asked for too"`
	BankFileVersion     string              `env:"BANK_FILE_VERSION" envDefault:"09" help:"the version of pain.001.001 that the banks of both accounts read: 09 or 03"`
	BankCategoryPurpose string              `env:"BANK_CATEGORY_PURPOSE" help:"what all payouts are for, where the bank wants to know: a code of ISO 20022 such as SUPP or GOVT"`
	BankFileBatch       bool                `env:"BANK_FILE_BATCH" help:"true: payouts' files ask the bank for one debit each, in place of one for each transfer"`
	BankFileLimit       int                 `env:"BANK_FILE_LIMIT" envDefault:"10000" help:"most transfers that the bank takes in a file; a settlement of more has several files"`

	PayeeCheckURL   string `env:"PAYEE_CHECK_URL" help:"a service that verifies payees (EPC VOP API, payee-verifications); without it the operator verifies accounts by phone"`
	PayeeCheckToken string `env:"PAYEE_CHECK_TOKEN" help:"the bearer token of that service"`
	PayeeCheckBIC   string `env:"PAYEE_CHECK_BIC" help:"the bank on whose behalf it is asked"`

	StripeKey            string `env:"STRIPE_SECRET_KEY" help:"takes payments by card, direct debit and transfer through Stripe, whose payouts must be set to manual; without it orders are paid by transfer"`
	StripeWebhookSecrets string `env:"STRIPE_WEBHOOK_SECRET" help:"what Stripe signs its messages to PUBLIC_URL/webhooks/stripe with; two, separated by a comma, while it is changed"`
	StripeBase           string `env:"STRIPE_API_BASE" help:"another server that speaks like Stripe, for tests"`
	StripeSegregated     string `env:"STRIPE_SEGREGATED_DESTINATION" help:"Stripe's id (ba_…) of the account of SEGREGATED_IBAN; by default Stripe's own default account"`
	StripeOperating      string `env:"STRIPE_OPERATING_DESTINATION" help:"Stripe's id (ba_…) of the account of OPERATING_IBAN, to which fees are sent; without it they stay at Stripe"`
	StripeTopUpIBAN      string `env:"STRIPE_TOPUP_IBAN" help:"where Stripe takes transfers that add to our balance there (its dashboard says); with it structures may choose to be paid through Stripe Connect"`
	StripeTopUpBIC       string `env:"STRIPE_TOPUP_BIC" help:"its BIC; may be absent"`
	StripeTopUpHolder    string `env:"STRIPE_TOPUP_HOLDER" envDefault:"Stripe Technology Europe Ltd" help:"whose account it is"`
	StripeTopUpAddress   string `env:"STRIPE_TOPUP_ADDRESS" envDefault:"Dublin, IE" help:"town and country of the holder, as bank files name them"`
	StripeTopUpReference string `env:"STRIPE_TOPUP_REFERENCE" help:"what Stripe wants quoted in such a transfer"`
	StripePolicy         string `env:"STRIPE_POLICY" envDefault:"banked" help:"when money paid through Stripe counts as received: banked (on the segregated account) or available (at Stripe)"`
	FreezeOnDispute      bool   `env:"FREEZE_ON_DISPUTE" help:"true stops live cheques whose payment was taken back"`

	Trustees      continuity.Trustees `env:"TRUSTEE_KEYS" help:"public keys (age1…), separated by commas, of those who may pay everyone if the operator cannot; without them nothing is exported for continuity"`
	ContinuityDir string              `env:"CONTINUITY_DIR" help:"folder in which an export for them is made each day, of which the last 14 stay; without it only passerelle export continuity makes one"`

	CompanyDirectory string `env:"COMPANY_DIRECTORY" help:"address of the public directory of legal entities, https://recherche-entreprises.api.gouv.fr; without it structures that join type their name themselves"`

	Dev bool `env:"PASSERELLE_DEV" help:"1 shows /dev/outbox and /dev/components; never where strangers can come"`
}

// settingsFile may hold NAME=value lines for what the environment does not say.
const settingsFile = "settings.env"

// ReadConfig reads the environment (NAME=value, as os.Environ gives it) and
// PASSERELLE_DATA/settings.env, and checks what can be checked without a database.
func ReadConfig(environ []string) (Config, error) {
	values := env.ToMap(environ)
	data := values["PASSERELLE_DATA"]
	if data == "" {
		data = "./data"
	}
	settings, err := os.ReadFile(filepath.Join(data, settingsFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return Config{}, err
	}
	for line := range strings.Lines(string(settings)) {
		name, value, found := strings.Cut(strings.TrimSpace(line), "=")
		if _, given := values[name]; found && !given && !strings.HasPrefix(name, "#") {
			values[name] = value
		}
	}
	maps.DeleteFunc(values, func(_, value string) bool { return value == "" }) // as compose files write what is not set
	cfg, err := env.ParseAsWithOptions[Config](env.Options{Environment: values})
	if err != nil {
		return Config{}, fmt.Errorf("the environment cannot be read: %w", err)
	}
	return cfg.complete()
}

// complete fills in what follows from the rest, and checks.
func (c Config) complete() (Config, error) {
	if c.PublicURL == "" {
		c.PublicURL = localURL(c.Port)
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	if c.KeysFile == "" {
		c.KeysFile = filepath.Join(c.Data, "keys.json")
	}
	// What a QR code will hold later must fit now.
	if _, err := vouchers.URL(c.PublicURL, strings.Repeat("0", vouchers.PayloadLength)); err != nil {
		return c, fmt.Errorf("PUBLIC_URL %q cannot be printed as a QR code: %w", c.PublicURL, err)
	}
	if u, err := url.Parse(c.DatabaseURL); c.DatabaseURL != "" && (err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return c, errors.New("DATABASE_URL is no address like postgres://user:password@host/database") // never repeated: it holds a password
	}
	if c.SMTPURL != "" && strings.HasSuffix(strings.TrimSuffix(c.MailFrom, ">"), ".example") {
		return c, errors.New("MAIL_FROM must be set with SMTP_URL: it is the address that notices come from")
	}
	if c.ContinuityDir != "" && len(c.Trustees) == 0 {
		return c, errors.New("TRUSTEE_KEYS must be set with CONTINUITY_DIR: bank details are never written in clear")
	}
	if c.DebtNoteFrom < 0 || c.DebtNoteDays < 0 {
		return c, errors.New("DEBT_NOTE_FROM and DEBT_NOTE_AFTER_DAYS cannot be below zero")
	}
	return c, errors.Join(c.checkOperator(), c.checkBank(), c.checkStripe())
}

// debtNotes is when structures are asked to pay what they owe.
func (c Config) debtNotes() settlement.NotePolicy {
	return settlement.NotePolicy{From: vouchers.Cents(c.DebtNoteFrom) * 100, Days: c.DebtNoteDays}
}

func (c Config) checkStripe() error {
	if c.StripePolicy != "banked" && c.StripePolicy != "available" {
		return errors.New("STRIPE_POLICY is neither banked nor available")
	}
	if c.StripeKey != "" && (c.StripeWebhookSecrets == "" || c.SegregatedIBAN == "") {
		return errors.New("STRIPE_WEBHOOK_SECRET and SEGREGATED_IBAN must be set with STRIPE_SECRET_KEY")
	}
	if c.StripeTopUpIBAN == "" {
		return nil
	}
	if c.StripeKey == "" || c.StripeTopUpReference == "" {
		return errors.New("STRIPE_SECRET_KEY and STRIPE_TOPUP_REFERENCE must be set with STRIPE_TOPUP_IBAN")
	}
	if err := checkAccount("STRIPE_TOPUP", c.StripeTopUpIBAN, c.StripeTopUpBIC); err != nil {
		return err
	}
	if err := c.stripeAccount().Validate(); err != nil {
		return fmt.Errorf("STRIPE_TOPUP_HOLDER and STRIPE_TOPUP_ADDRESS (town, country of two letters) cannot stand in a bank file: %w", err)
	}
	return nil
}

// stripeAccount is where money for payouts through Stripe is sent.
func (c Config) stripeAccount() settlement.StripeAccount {
	if c.StripeTopUpIBAN == "" {
		return settlement.StripeAccount{}
	}
	to := account(c.StripeTopUpIBAN, c.StripeTopUpBIC)
	town, country, _ := strings.Cut(c.StripeTopUpAddress, ",")
	return settlement.StripeAccount{Holder: c.StripeTopUpHolder, IBAN: to.IBAN, BIC: to.BIC, Town: strings.TrimSpace(town),
		Country: strings.TrimSpace(country), Reference: c.StripeTopUpReference}
}

// payeeBank is who is asked whose an account is; nil for nobody.
func (c Config) payeeBank() payees.Bank {
	if c.PayeeCheckURL == "" {
		return nil
	}
	return vop.New(c.PayeeCheckURL, c.PayeeCheckToken, c.PayeeCheckBIC)
}

// payments are the operator's choices about Stripe. Text is for what payers read there.
func (c Config) payments(text payments.Text) payments.Options {
	o := payments.Options{PublicURL: c.PublicURL, Text: text, Lenient: c.StripePolicy == "available", Freeze: c.FreezeOnDispute,
		WebhookSecrets: strings.Split(c.StripeWebhookSecrets, ","), Segregated: c.seller().Segregated.IBAN,
		SegregatedTo: c.StripeSegregated, OperatingTo: c.StripeOperating, Structures: connect.Hear}
	if c.StripeKey != "" {
		o.Stripe = stripe.New(c.StripeKey, c.StripeBase)
	}
	return o
}

// connect is how structures are paid through Stripe, but for what other rooms do in it.
func (c Config) connect(client *stripe.Client) connect.Options {
	return connect.Options{Stripe: client, Offered: c.StripeTopUpIBAN != "", PublicURL: c.PublicURL}
}

// localURL is this machine as its own browser reaches it. With a port of five digits
// "localhost" is too long for a QR code; 127.1 is 127.0.0.1 written short.
func localURL(port uint16) string {
	if port > 9999 {
		return fmt.Sprintf("http://127.1:%d", port)
	}
	return fmt.Sprintf("http://localhost:%d", port)
}

func (c Config) checkOperator() error {
	if err := checkAccount("SEGREGATED", c.SegregatedIBAN, c.SegregatedBIC); err != nil {
		return err
	}
	if err := checkAccount("OPERATING", c.OperatingIBAN, c.OperatingBIC); err != nil {
		return err
	}
	if c.OperatingIBAN != "" && compact(c.OperatingIBAN) == compact(c.SegregatedIBAN) {
		return errors.New("OPERATING_IBAN must be another account than SEGREGATED_IBAN: fees and face value never share one")
	}
	if _, _, town := c.address(); c.SegregatedIBAN != "" && town == "" {
		return errors.New("OPERATOR_ADDRESS must read street, postcode town: bank files need it with SEGREGATED_IBAN")
	}
	if c.OperatorSIRET != "" {
		if _, err := siret.Parse(c.OperatorSIRET); err != nil {
			return fmt.Errorf("OPERATOR_SIRET is no SIRET: %w", err)
		}
	}
	return nil
}

// address cuts "12 rue des Lilas, 74000 Annecy" where the last comma is.
func (c Config) address() (street, postcode, town string) {
	cut := strings.LastIndex(c.OperatorAddress, ",")
	if cut < 0 {
		return strings.TrimSpace(c.OperatorAddress), "", ""
	}
	postcode, town, _ = strings.Cut(strings.TrimSpace(c.OperatorAddress[cut+1:]), " ")
	return strings.TrimSpace(c.OperatorAddress[:cut]), postcode, strings.TrimSpace(town)
}

func compact(iban string) string { return strings.ReplaceAll(iban, " ", "") }

func checkAccount(name, iban, bic string) error {
	if iban != "" {
		if _, err := sepa.ParseIBAN(iban); err != nil {
			return fmt.Errorf("%s_IBAN is no IBAN: %w", name, err)
		}
	}
	if bic != "" {
		if _, err := sepa.ParseBIC(bic); err != nil {
			return fmt.Errorf("%s_BIC is no BIC: %w", name, err)
		}
	}
	return nil
}

// account reads what complete has checked.
func account(iban, bic string) invoicing.Account {
	var a invoicing.Account
	if iban != "" {
		a.IBAN, _ = sepa.ParseIBAN(iban)
	}
	if bic != "" {
		a.BIC, _ = sepa.ParseBIC(bic)
	}
	return a
}

// seller is the operator on invoices.
func (c Config) seller() invoicing.Seller {
	street, postcode, town := c.address()
	return invoicing.Seller{Name: c.OperatorName, SIRET: c.OperatorSIRET, VATID: invoicing.VATIDOf(c.OperatorSIRET),
		Street: street, Postcode: postcode, Town: town,
		Segregated: account(c.SegregatedIBAN, c.SegregatedBIC), Operating: account(c.OperatingIBAN, c.OperatingBIC)}
}

// checkBank checks what is said of the operator's bank.
func (c Config) checkBank() error {
	if v := sepa.Version(c.BankFileVersion); v != sepa.Version09 && v != sepa.Version03 {
		return errors.New("BANK_FILE_VERSION is neither 09 nor 03: ask your bank which pain.001.001 it reads")
	}
	if c.BankCategoryPurpose != "" && !sepa.ValidPurpose(c.BankCategoryPurpose) {
		return errors.New("BANK_CATEGORY_PURPOSE is no code of four capital letters such as SUPP or GOVT")
	}
	if c.BankFileLimit < 1 || c.BankFileLimit > 100_000 {
		return errors.New("BANK_FILE_LIMIT is not between 1 and 100000: ask your bank how many transfers it takes in a file")
	}
	return nil
}

// debtor is the operator in bank files, with what its bank asks of them.
func (c Config) debtor() settlement.Debtor {
	street, postcode, town := c.address()
	from := account(c.SegregatedIBAN, c.SegregatedBIC)
	return settlement.Debtor{Name: c.OperatorName, IBAN: from.IBAN, BIC: from.BIC, Street: street, Postcode: postcode, Town: town, SIRET: c.OperatorSIRET,
		Stripe:  c.stripeAccount(),
		Profile: settlement.Profile{Version: sepa.Version(c.BankFileVersion), Purpose: c.BankCategoryPurpose, Batch: c.BankFileBatch, Limit: c.BankFileLimit}}
}

func (c Config) settlementPolicy() settlement.Policy {
	return settlement.Policy{Days: c.SettlementDays, Minimum: vouchers.Cents(c.SettlementMinimum) * 100}
}

// PrintConfig lists the environment with its defaults.
func PrintConfig(w io.Writer) error {
	fmt.Fprintln(w, "\nEnvironment, or NAME=value lines in PASSERELLE_DATA/settings.env:")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fields := reflect.TypeFor[Config]()
	for i := range fields.NumField() {
		tag := fields.Field(i).Tag
		text := tag.Get("help")
		if value := tag.Get("envDefault"); value != "" {
			text += " (default " + value + ")"
		}
		fmt.Fprintf(table, "  %s\t%s\n", tag.Get("env"), text)
	}
	return table.Flush()
}

// proxies reads addresses and networks.
type proxies []netip.Prefix

func (p *proxies) UnmarshalText(text []byte) error {
	for item := range strings.SplitSeq(string(text), ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		if address, err := netip.ParseAddr(item); err == nil {
			*p = append(*p, netip.PrefixFrom(address, address.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(item)
		if err != nil {
			return fmt.Errorf("TRUSTED_PROXY: %q is neither an address nor a network", item)
		}
		*p = append(*p, network.Masked())
	}
	return nil
}
