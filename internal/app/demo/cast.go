package demo

import (
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/siret"
)

// script is the invented people, organisations and things of the demonstration.
type script struct {
	Operator        string   `json:"operator"`
	OperatorAddress string   `json:"operatorAddress"`
	Funders         []string `json:"funders"`
	Prescribers     []string `json:"prescribers"`
	StructureMark   string   `json:"structureMark"`
	Campaigns       []string `json:"campaigns"`
	Terms           string   `json:"terms"`    // of the tariff
	Verified        string   `json:"verified"` // how an account was
	Streets         []string `json:"streets"`
	FirstNames      []string `json:"firstNames"`
	LastNames       []string `json:"lastNames"`
	Words           []string `json:"words"`
	UndoReasons     []string `json:"undoReasons"`
}

//go:embed cast.json
var castFile []byte

var cast = func() script {
	var s script
	if err := json.Unmarshal(castFile, &s); err != nil {
		panic("demo: cast.json: " + err.Error())
	}
	return s
}()

// Operator is the operator of the demonstration, as the program's settings name it.
type Operator struct {
	Name, Address, SIRET, Email string
	Segregated, Operating       string // IBANs
}

// TheOperator is invented; its bank does not exist.
func TheOperator() Operator {
	return Operator{Name: cast.Operator, Address: cast.OperatorAddress, SIRET: inventedSIRET(0),
		Segregated: inventedIBAN(0), Operating: inventedIBAN(999), Email: "admin@operateur.example"}
}

// Password makes one that can be read out and typed, of three words and a number.
func Password() string {
	words := make([]string, 3)
	for i := range words {
		words[i] = cast.Words[chance(len(cast.Words))]
	}
	return fmt.Sprintf("%s-%d", strings.Join(words, "-"), 10+chance(90))
}

func chance(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err) // the machine has no randomness
	}
	return int(i.Int64())
}

// personName is the nth invented person.
func personName(n int) string {
	return cast.FirstNames[n%len(cast.FirstNames)] + " " + cast.LastNames[(n/len(cast.FirstNames)+n)%len(cast.LastNames)]
}

func streetOf(n int) string {
	return fmt.Sprintf("%d %s", 1+n%40, cast.Streets[n%len(cast.Streets)])
}

// inventedSIRET is the nth number that is right by Luhn's formula and was given to
// nobody: INSEE gives no SIREN that begins with three zeros.
func inventedSIRET(n int) string {
	for checks := range 100 {
		text := fmt.Sprintf("0007%04d%d0001%d", n, checks/10, checks%10)
		if _, err := siret.Parse(text); err == nil {
			return text
		}
	}
	panic("demo: no check digits are right")
}

// inventedIBAN is the nth account of a bank that does not exist (code 99999), with the
// right key of its RIB and the right check digits (ISO 13616).
func inventedIBAN(n int) string {
	const bank, branch = 99999, 1
	account := 4_000 + n
	key := 97 - (89*bank+15*branch+3*account)%97
	bban := fmt.Sprintf("%05d%05d%011d%02d", bank, branch, account, key)
	rest := 0
	for _, digit := range bban + "152700" { // F is 15, R is 27, and two noughts
		rest = (rest*10 + int(digit-'0')) % 97
	}
	iban, err := sepa.ParseIBAN(fmt.Sprintf("FR%02d%s", 98-rest, bban))
	if err != nil {
		panic("demo: " + err.Error())
	}
	return iban.Full()
}
