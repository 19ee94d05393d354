package vouchers

import "testing"

func FuzzCheck(f *testing.F) {
	for _, seed := range payloadSeeds(f) {
		f.Add(seed)
	}
	ring := testRing(f, 2)
	f.Fuzz(func(t *testing.T, payload string) {
		ticket, err := ring.Check(payload)
		if err != nil {
			return
		}
		// What is accepted is what one of our keys makes of the same ticket.
		if key := keyOf(t, payload); mustSign(t, testRing(t, key), ticket) != payload {
			t.Fatalf("accepted, but never signed: %s, %+v", payload, ticket)
		}
	})
}

func FuzzVerify(f *testing.F) {
	for _, seed := range payloadSeeds(f) {
		f.Add(seed)
	}
	public := testRing(f, 2).Public()
	f.Fuzz(func(t *testing.T, payload string) {
		ticket, err := public.Verify(payload)
		if err != nil {
			return
		}
		if key := keyOf(t, payload); mustSign(t, testRing(t, key), ticket)[:firstTagChar] != payload[:firstTagChar] {
			t.Fatalf("accepted, but never signed: %s, %+v", payload, ticket)
		}
	})
}

func FuzzParseTyped(f *testing.F) {
	for _, c := range loadVectors(f).Read {
		f.Add(c.Text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		code, err := ParseTyped(text)
		if err != nil {
			if reason(err) != "length" && reason(err) != "character" && reason(err) != "check" || code != (TypedCode{}) {
				t.Fatalf("ParseTyped(%q) = %s, %v", text, code, err)
			}
			return
		}
		if again, err := ParseTyped(code.String()); err != nil || again != code {
			t.Fatalf("%q is read as %s, which is read as %s, %v", text, code, again, err)
		}
	})
}

func FuzzFromScan(f *testing.F) {
	for _, c := range loadVectors(f).Scans {
		f.Add(c.Text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		payload, err := FromScan(text)
		if err != nil {
			return
		}
		if again, err := FromScan(payload); err != nil || again != payload || len(payload) != PayloadLength {
			t.Fatalf("%q gives %q, which gives %q, %v", text, payload, again, err)
		}
		address, err := URL("https://a.fr", payload)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := FromScan(address); err != nil || again != payload {
			t.Fatalf("%q gives %q, %v", address, again, err)
		}
	})
}

func payloadSeeds(f *testing.F) (seeds []string) {
	v := loadVectors(f)
	for _, c := range v.Tickets {
		seeds = append(seeds, c.Payload)
	}
	for _, c := range v.Refused {
		seeds = append(seeds, c.Payload)
	}
	return seeds
}

func keyOf(t *testing.T, payload string) uint8 {
	t.Helper()
	_, key, err := open(payload)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
