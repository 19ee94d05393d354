package orders

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

func TestAPriceIsTheSumOfItsParts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		tariff  NewTariff
		choices Choices
		want    Price
	}{
		{"one voucher, no tariff", free.NewTariff, choices(1, 10, Paper), Price{Face: 10_00}},
		{"3 % and 0,60 € a booklet", NewTariff{FeeRate: 300, Booklet: 60, VATRate: 2000}, choices(100, 8, Paper),
			Price{Face: 1000_00, Service: 30_00, Printing: 13 * 60, VAT: 7_56}},
		{"nothing is printed", NewTariff{FeeRate: 300, Booklet: 60, VATRate: 2000}, choices(100, 8, Digital),
			Price{Face: 1000_00, Service: 30_00, VAT: 6_00}},
		{"half a cent is rounded up", NewTariff{FeeRate: 5, VATRate: 2000}, choices(1, 1, Paper), Price{Face: 10_00, Service: 1}},
		{"less than half a cent is nothing", NewTariff{FeeRate: 4, VATRate: 2000}, choices(1, 1, Paper), Price{Face: 10_00}},
	} {
		if got := priceOf(tt.tariff, tt.choices, 10_00); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func choices(count, size int, m Medium) Choices {
	return Choices{Vouchers: count, Plan: campaigns.Plan{BookletSize: size}, Medium: m}
}

func TestNoCentIsLostInAPrice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tariff := NewTariff{FeeRate: rapid.IntRange(0, 10000).Draw(t, "fee"), VATRate: rapid.IntRange(0, 10000).Draw(t, "vat"),
			Booklet: vouchers.Cents(rapid.IntRange(0, 1000_00).Draw(t, "booklet"))}
		c := choices(rapid.IntRange(1, 1_000_000).Draw(t, "vouchers"), rapid.IntRange(1, 100).Draw(t, "size"),
			rapid.SampledFrom([]Medium{Paper, Digital}).Draw(t, "medium"))
		voucher := vouchers.Cents(rapid.IntRange(100, 65535).Draw(t, "voucher"))
		p := priceOf(tariff, c, voucher)
		if p.Face != voucher*vouchers.Cents(c.Vouchers) || p.Total() != p.Face+p.Service+p.Printing+p.VAT {
			t.Fatalf("%+v is %v in all", p, p.Total())
		}
		rounded(t, "service", p.Service, p.Face, tariff.FeeRate)
		rounded(t, "VAT", p.VAT, p.Fees(), tariff.VATRate)
		if n := c.Printed(); c.Medium == Paper && (n*c.BookletSize < c.Vouchers || (n-1)*c.BookletSize >= c.Vouchers) {
			t.Fatalf("%d booklets of %d for %d vouchers", n, c.BookletSize, c.Vouchers)
		}
		sum := vouchers.Cents(0)
		for _, l := range feeLines(tariff, c, p) {
			sum += l.Unit * vouchers.Cents(l.Quantity)
		}
		if sum != p.Fees() {
			t.Fatalf("the invoice of fees asks for %v, the quote for %v", sum, p.Fees())
		}
	})
}

// rounded holds part against whole × rate, reckoned in fractions.
func rounded(t *rapid.T, name string, part, whole vouchers.Cents, rate int) {
	t.Helper()
	exact := big.NewRat(int64(whole)*int64(rate), 10000)
	gap := new(big.Rat).Sub(new(big.Rat).SetInt64(int64(part)), exact)
	if half := big.NewRat(1, 2); gap.Cmp(half) > 0 || gap.Cmp(new(big.Rat).Neg(half)) <= 0 {
		t.Fatalf("%s is %v, exactly %s", name, part, exact.FloatString(4))
	}
}

func TestChorusFieldsAreChecked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		field Chorus
		code  string
	}{
		{Chorus{}, ""},
		{Chorus{Engagement: "2026-EJ/0042", ServiceCode: "SERVICE_NUM 12"}, ""},
		{Chorus{Engagement: strings.Repeat("9", 50), ServiceCode: strings.Repeat("É", 100)}, ""},
		{Chorus{Engagement: strings.Repeat("9", 51)}, "engagement_malformed"},
		{Chorus{Engagement: "12\n34"}, "engagement_malformed"},
		{Chorus{Engagement: "<12>"}, "engagement_malformed"},
		{Chorus{ServiceCode: strings.Repeat("9", 101)}, "service_code_malformed"},
		{Chorus{ServiceCode: "=A1"}, "service_code_malformed"},
		{Chorus{ServiceCode: " 12"}, "service_code_malformed"},
	} {
		if got := fault.Code(tt.field.check()); got != tt.code {
			t.Errorf("%q: %q, want %q", tt.field, got, tt.code)
		}
	}
}
