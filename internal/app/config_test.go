package app

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/settlement"
)

func TestConfigSaysWhatItMeans(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	cfg, err := ReadConfig([]string{"PASSERELLE_DATA=" + data, "SMTP_URL=", "OPERATOR_NAME=",
		"TRUSTED_PROXY=10.0.0.1, 192.168.7.9/16,::1", "OPERATOR_ADDRESS=Bâtiment B, 12 rue des Lilas, 74000 Annecy-le-Vieux",
		"SEGREGATED_IBAN=FR76 3000 6000 0112 3456 7890 189", "BANK_FILE_VERSION=03", "BANK_CATEGORY_PURPOSE=GOVT", "BANK_FILE_BATCH=true"})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Port != 8080 || cfg.PublicURL != "http://localhost:8080" || cfg.KeysFile != filepath.Join(data, "keys.json") || cfg.OperatorName != "Passerelle" {
		t.Errorf("defaults: %+v", cfg)
	}
	var networks []string
	for _, p := range cfg.Proxies {
		networks = append(networks, p.String())
	}
	if got := strings.Join(networks, " "); got != "10.0.0.1/32 192.168.0.0/16 ::1/128" {
		t.Errorf("proxies %s", got)
	}
	d := cfg.debtor()
	if d.Street != "Bâtiment B, 12 rue des Lilas" || d.Postcode != "74000" || d.Town != "Annecy-le-Vieux" || d.IBAN.Full() != "FR7630006000011234567890189" {
		t.Errorf("debtor %+v", d)
	}
	if d.Profile != (settlement.Profile{Version: "03", Purpose: "GOVT", Batch: true, Limit: 10_000}) {
		t.Errorf("the bank's profile is %+v", d.Profile)
	}
	if s := cfg.seller(); s.Street != d.Street || s.Postcode != d.Postcode || s.Town != d.Town || s.Segregated.IBAN != d.IBAN || s.Operating.IBAN != "" {
		t.Errorf("seller %+v", s)
	}
}

func TestTheEnvironmentWinsOverTheSettingsFile(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	settings := "# a comment\nOPERATOR_NAME=From the file\nPORT=9001\n"
	if err := os.WriteFile(filepath.Join(data, settingsFile), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := ReadConfig([]string{"PASSERELLE_DATA=" + data, "PORT=9002"})
	if err != nil || cfg.OperatorName != "From the file" || cfg.Port != 9002 {
		t.Errorf("%q, %d, %v", cfg.OperatorName, cfg.Port, err)
	}
}

func TestWrongConfigIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for setting, says := range map[string]string{
		"PUBLIC_URL=https://un-nom-bien-trop-long.example": "PUBLIC_URL",
		"PUBLIC_URL=https://a.example/under":               "PUBLIC_URL",
		"PORT=http":                                        "Port",
		"DATABASE_URL=host=localhost password=secret":      "DATABASE_URL",
		"SMTP_URL=smtp://mail.example.org":                 "MAIL_FROM",
		"SEGREGATED_IBAN=FR7630006000011234567890188":      "SEGREGATED_IBAN",
		"SEGREGATED_IBAN=FR7630006000011234567890189":      "OPERATOR_ADDRESS",
		"SEGREGATED_BIC=AGRI":                              "SEGREGATED_BIC",
		"BANK_FILE_VERSION=08":                             "BANK_FILE_VERSION is neither 09 nor 03",
		"BANK_CATEGORY_PURPOSE=Supplier":                   "BANK_CATEGORY_PURPOSE is no code",
		"BANK_FILE_LIMIT=0":                                "BANK_FILE_LIMIT is not between",
		"BANK_FILE_LIMIT=many":                             "BankFileLimit",
		"OPERATOR_SIRET=73282932000075":                    "OPERATOR_SIRET",
		"TRUSTED_PROXY=10.0.0.1,proxy.example":             "TRUSTED_PROXY",
	} {
		_, err := ReadConfig([]string{"PASSERELLE_DATA=" + t.TempDir(), setting})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", setting, err)
		}
	}
}

func TestLocalAddressesFitAQRCode(t *testing.T) {
	t.Parallel()
	for _, port := range []string{"1", "80", "8080", "9999", "10000", "65535"} {
		if _, err := ReadConfig([]string{"PASSERELLE_DATA=" + t.TempDir(), "PORT=" + port}); err != nil {
			t.Errorf("port %s: %v", port, err)
		}
	}
}

func TestHelpListsEverySetting(t *testing.T) {
	t.Parallel()
	var help bytes.Buffer
	if err := PrintConfig(&help); err != nil {
		t.Fatal(err)
	}
	fields := reflect.TypeFor[Config]()
	for i := range fields.NumField() {
		tag := fields.Field(i).Tag
		if name := tag.Get("env"); name == "" || tag.Get("help") == "" || !strings.Contains(help.String(), "  "+name+" ") {
			t.Errorf("%s is not explained", fields.Field(i).Name)
		}
	}
}

func TestAFaultIsSaidInWords(t *testing.T) {
	t.Parallel()
	_, err := ReadConfig([]string{"PASSERELLE_DATA=" + t.TempDir(), "OPERATOR_SIRET=73282932000075"})
	if said := Sentence(err); !strings.HasPrefix(said, "OPERATOR_SIRET is no SIRET: ") || strings.Contains(said, "siret_check") {
		t.Error(said)
	}
}
