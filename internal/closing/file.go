package closing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// country is where operator and funders are: they have a SIRET.
const country = "FR"

// fileHead and fileLine are all that a file is made of.
type fileHead struct {
	MessageID   string       `db:"message_id"`
	ApprovedAt  time.Time    `db:"approved_at"`
	ExecutionOn vouchers.Day `db:"execution_on"`
	Name        string       `db:"debtor_name"`
	IBAN        sepa.IBAN    `db:"debtor_iban"`
	BIC         sepa.BIC     `db:"debtor_bic"`
	Street      string       `db:"debtor_street"`
	Postcode    string       `db:"debtor_postcode"`
	Town        string       `db:"debtor_town"`
	Version     sepa.Version `db:"file_version"`
	Layout      layout       `db:"file_layout"`
}

type fileLine struct {
	EndToEnd string         `db:"end_to_end"`
	Amount   vouchers.Cents `db:"amount_cents"`
	payee
}

func (p payee) party(l layout) sepa.Party {
	return sepa.Party{Name: p.Holder, IBAN: p.IBAN, BIC: p.BIC, Address: l.address(p.Street, p.Postcode, p.Town)}
}

// layout is how a file shows addresses; it never changes for one that is fixed.
type layout int

const (
	wholeStreet layout = 1 // the street as it is, in one field
	hybrid      layout = 2 // in fields where it reads as a street, in lines where it does not
)

func (l layout) address(street, postcode, town string) sepa.Address {
	if l == wholeStreet {
		return sepa.Address{Street: street, PostCode: postcode, Town: town, Country: country}
	}
	return sepa.NewAddress(street, postcode, town, country)
}

// initiation is the file as a pure function of the rows. Each refund is a debit of its own
// on our statement, and of no category: they are no payments for anything.
func initiation(head fileHead, lines []fileLine) sepa.Initiation {
	in := sepa.Initiation{
		Version: head.Version, MessageID: head.MessageID, CreatedAt: head.ApprovedAt, Initiator: head.Name, ExecutionDate: head.ExecutionOn,
		Debtor:   sepa.Party{Name: head.Name, IBAN: head.IBAN, BIC: head.BIC, Address: head.Layout.address(head.Street, head.Postcode, head.Town)},
		Payments: make([]sepa.Payment, len(lines)),
	}
	for i, l := range lines {
		in.Payments[i] = sepa.Payment{EndToEndID: l.EndToEnd, InstructionID: l.EndToEnd, Amount: l.Amount,
			Creditor: l.party(head.Layout), Remittance: l.EndToEnd}
	}
	return in
}

// fileNow makes a file from its rows, and its hash.
func fileNow(ctx context.Context, tx *db.Tx, id vouchers.RefundFileID) (made []byte, hash string, err error) {
	head, lines, err := fileRows(ctx, tx, id)
	if err != nil {
		return nil, "", err
	}
	var out bytes.Buffer
	if err := sepa.WriteInitiation(&out, initiation(head, lines)); err != nil {
		return nil, "", fmt.Errorf("refund file %d: %w", id, err)
	}
	sum := sha256.Sum256(out.Bytes())
	return out.Bytes(), hex.EncodeToString(sum[:]), nil
}

func fixFile(ctx context.Context, tx *db.Tx, id vouchers.RefundFileID) error {
	_, hash, err := fileNow(ctx, tx, id)
	if err != nil {
		return err
	}
	return storeHash(ctx, tx, id, hash)
}

// endToEnd names a refund at every bank it passes: "RFD000012". Statements takes nothing
// shorter than six characters for a name.
func endToEnd(id vouchers.RefundID) string { return fmt.Sprintf("RFD%06d", id) }

// messageID names a file at our bank: "RFF3".
func messageID(id vouchers.RefundFileID) string { return fmt.Sprintf("RFF%d", id) }
