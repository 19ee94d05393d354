package issuing_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/vouchers"
)

func TestCodesAreNowhereInTheDatabase(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ctx, _ := s.keyed("the key of a hand-over")
	b, err := s.Issuing.HandOver(ctx, s.Prescriber, issuing.HandOverRequest{Campaign: s.Campaign.ID, Count: 8, Email: "ana@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Issuing.Reprint(t.Context(), s.Prescriber, b.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Issuing.TryTyped(t.Context(), "192.0.2.1", b.Typed); err != nil {
		t.Fatal(err)
	}
	s.Redeem(s.Structure, b, 2)
	if _, err := s.Issuing.Freeze(t.Context(), s.Prescriber, issuing.FreezeRequest{Booklet: b.ID, Frozen: true}); err != nil {
		t.Fatal(err)
	}
	dump := strings.ToLower(s.dump())
	if !strings.Contains(dump, "ccas de thônes") || !strings.Contains(dump, "booklet_printed") {
		t.Fatal("the dump does not hold what it should: the search proves nothing")
	}
	for _, secret := range []string{b.Typed, strings.ReplaceAll(b.Typed, "-", ""), payloadOf(b), b.QR} {
		for _, form := range []string{
			secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret)), strings.ToLower(secret),
			strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="),
			strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(strings.ToLower(secret))), "="),
		} {
			if strings.Contains(dump, strings.ToLower(form)) {
				t.Errorf("the database holds a code, as %d characters", len(form))
			}
		}
	}
	if strings.Contains(dump, "ana@example.org") {
		t.Error("the database keeps the address of the receipt")
	}
}

// dump is every row of every table as text, bytes in hexadecimal.
func (s *stage) dump() string {
	s.t.Helper()
	var text strings.Builder
	s.InTx(func(tx *db.Tx) error {
		var tables, rows []string
		if err := tx.Select(s.t.Context(), &tables, `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`); err != nil {
			return err
		}
		for _, table := range tables {
			rows = rows[:0]
			if err := tx.Select(s.t.Context(), &rows, fmt.Sprintf(`SELECT r::text FROM %q r`, table)); err != nil {
				return err
			}
			text.WriteString(strings.Join(rows, "\n"))
		}
		return nil
	})
	return text.String()
}

func TestACardTellsWhatIsLeftAndNoMore(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b := s.HandOver(s.Campaign, 8)
	s.Redeem(s.Structure, b, 3)
	card := s.card(b)
	if card.Left != 5 || card.Used() != 3 || card.LeftValue() != 50_00 || card.Funder != "Département de la Haute-Savoie" ||
		card.Prescriber != "CCAS de Thônes" || card.LastDay != card.Until.AddDays(15) || card.Reference() != b.Reference() {
		t.Errorf("%+v", card)
	}
}

func TestAForgedPayloadNeverReachesTheDatabase(t *testing.T) {
	t.Parallel()
	s := setup(t)
	payload := payloadOf(s.HandOver(s.Campaign, 8))
	if err := s.Issuing.CheckTicket(payload); err != nil {
		t.Fatal(err)
	}
	service := s.withoutDatabase()
	if _, err := service.OpenTicket(t.Context(), payload); fault.Code(err) != "database_unavailable" {
		t.Fatalf("the control: a true payload was answered without a database: %v", err)
	}
	for i := range payload {
		forged := []byte(payload)
		forged[i] = '0' + (forged[i]-'0'+1)%10
		if _, err := service.OpenTicket(t.Context(), string(forged)); fault.Code(err) != "card_unknown" {
			t.Errorf("character %d changed: %v", i, err)
		}
	}
}

// withoutDatabase is the room after its pool was closed.
func (s *stage) withoutDatabase() *issuing.Service {
	s.t.Helper()
	service := s.impatient()
	if err := s.DB.Close(); err != nil {
		s.t.Fatal(err)
	}
	return service
}

func TestATypedCodeLeadsToItsBooklet(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b := s.HandOver(s.Campaign, 8)
	typed := strings.ToLower(strings.ReplaceAll(b.Typed, "-", " "))
	if payload, err := s.Issuing.TryTyped(t.Context(), "192.0.2.1", typed); err != nil || payload != payloadOf(b) {
		t.Errorf("%q, %v", payload, err)
	}
}

func TestCodesThatAreNobodysAllGetOneAnswer(t *testing.T) {
	t.Parallel()
	s := setup(t)
	foreign, err := vouchers.NewKeyring(1, vouchers.NewKey(1))
	if err != nil {
		t.Fatal(err)
	}
	b := s.HandOver(s.Campaign, 8)
	for name, code := range map[string]vouchers.TypedCode{
		"of another service":      mustType(t, foreign, b.ID),
		"never given, by our key": mustType(t, s.Keys, b.ID+1),
	} {
		_, err := s.Issuing.TryTyped(t.Context(), name, code.String())
		wantFault(t, err, "card_unknown")
	}
	ticket := vouchers.Ticket{Campaign: s.Campaign.ID, Serial: uint32(b.ID + 1), Face: 10_00, Count: 8, From: b.From, Until: b.Until}
	payload, err := s.Keys.Sign(1, ticket)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Issuing.OpenTicket(t.Context(), payload)
	wantFault(t, err, "card_unknown")
}

func mustType(t *testing.T, keys *vouchers.Keyring, id vouchers.BookletID) vouchers.TypedCode {
	t.Helper()
	code, err := keys.Typed(1, 1, uint32(id))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestTypedCodesAreTriedUnderLimits(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b := s.HandOver(s.Campaign, 8)
	for n := range 10 {
		if _, err := s.Issuing.TryTyped(t.Context(), "192.0.2.1", mustType(t, s.Keys, b.ID+1+vouchers.BookletID(n)).String()); fault.Code(err) != "card_unknown" {
			t.Fatalf("try %d: %v", n, err)
		}
	}
	_, err := s.Issuing.TryTyped(t.Context(), "192.0.2.1", b.Typed)
	wantFault(t, err, "rate_limited")
	if _, err := s.Issuing.TryTyped(t.Context(), "192.0.2.2", b.Typed); err != nil {
		t.Errorf("another address pays for the first: %v", err)
	}
	s.Clock.Add(20 * time.Minute)
	if _, err := s.Issuing.TryTyped(t.Context(), "192.0.2.1", b.Typed); err != nil {
		t.Errorf("twenty minutes later: %v", err)
	}

	var refused []int
	for n := range 40 { // one beginning, from everywhere
		if _, err := s.Issuing.TryTyped(t.Context(), fmt.Sprintf("198.51.100.%d", n), b.Typed); fault.Code(err) == "rate_limited" {
			refused = append(refused, n)
		}
	}
	if len(refused) == 0 || refused[0] < 20 || !slices.IsSorted(refused) {
		t.Errorf("of 40 tries of one beginning, refused: %v", refused)
	}
	if _, err := s.Issuing.TryTyped(t.Context(), "203.0.113.1", s.HandOver(s.Campaign, 1).Typed); err != nil {
		t.Errorf("another beginning pays for it: %v", err)
	}
}

func TestAMistypedCodeCostsNoTry(t *testing.T) {
	t.Parallel()
	s := setup(t)
	service := s.withoutDatabase()
	for _, text := range []string{"", "K7QD", "K7QD-3M9X-TR5B-W2C", strings.Repeat("0", 400)} {
		if _, err := service.TryTyped(t.Context(), "192.0.2.1", text); fault.Code(err) != "card_mistyped" {
			t.Errorf("%q: %v", text, err)
		}
	}
}
