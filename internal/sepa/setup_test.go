package sepa

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/passerelle/passerelle/internal/fault"
)

var update = flag.Bool("update", false, "write the golden files again")

// golden compares got with testdata/name, byte for byte.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s (go test -update writes it again); got:\n%s", path, got)
	}
}

// followsSchema validates a document against an ISO 20022 schema. The schemas may not be
// copied into this repository: PASSERELLE_STANDARDS names the folder that holds
// iso20022/, by default ../shared/standards beside the repository. Continuous
// integration (CI=true) must have them; a newcomer without them still has the golden files.
func followsSchema(t *testing.T, message string, document []byte) {
	t.Helper()
	schema := schemaOf(message)
	if _, err := os.Stat(schema); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("schema not present: %v; set PASSERELLE_STANDARDS", err)
		}
		t.Logf("schema not present: structural golden check only (%v)", err)
		return
	}
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Fatal("xmllint is missing: install libxml2-utils (apt install libxml2-utils, brew install libxml2)")
	}
	command := exec.Command(xmllint, "--noout", "--nonet", "--schema", schema, "-")
	command.Stdin = bytes.NewReader(document)
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", message, err, out)
	}
}

func schemaOf(message string) string {
	standards := os.Getenv("PASSERELLE_STANDARDS")
	if standards == "" {
		standards = filepath.Join("..", "..", "..", "shared", "standards")
	}
	return filepath.Join(standards, "iso20022", message+".xsd")
}

// schemaAtHand tells whether there is a schema of a message that not every copy of the
// standards holds.
func schemaAtHand(message string) bool {
	_, err := os.Stat(schemaOf(message))
	return err == nil
}

// wantFault checks the code of err, "" for none.
func wantFault(t *testing.T, err error, code string) {
	t.Helper()
	if got := fault.Code(err); got != code || (err != nil) != (code != "") {
		t.Errorf("got %v, want fault %q", err, code)
	}
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

const (
	frenchIBAN = IBAN("FR7630006000011234567890189")
	postalIBAN = IBAN("FR1420041010050500013M02606")
	germanIBAN = IBAN("DE89370400440532013000")
)
