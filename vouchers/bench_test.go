package vouchers

import "testing"

func BenchmarkCheck(b *testing.B) {
	ring := testRing(b, 2)
	payload := mustSign(b, ring, typical)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Check(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	ring := testRing(b, 2)
	payload, public := mustSign(b, ring, typical), ring.Public()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := public.Verify(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	ring := testRing(b, 2)
	b.ReportAllocs()
	for b.Loop() {
		mustSign(b, ring, typical)
	}
}

func BenchmarkTyped(b *testing.B) {
	ring := testRing(b, 2)
	b.ReportAllocs()
	serial := uint32(0)
	for b.Loop() {
		serial++
		if _, err := ring.Typed(2, 42, serial); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	ring, err := NewKeyring(2, testKey(b, 1), testKey(b, 2))
	if err != nil {
		b.Fatal(err)
	}
	code, err := ring.Typed(2, 42, 1)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		ring.Hash(code)
	}
}
