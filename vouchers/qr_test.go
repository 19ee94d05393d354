package vouchers

import (
	"errors"
	"strings"
	"testing"
)

func TestSignRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	ring := testRing(t, 2)
	for name, change := range map[string]func(*Ticket){
		"no campaign":       func(t *Ticket) { t.Campaign = 0 },
		"campaign too high": func(t *Ticket) { t.Campaign = 1 << 20 },
		"serial too high":   func(t *Ticket) { t.Serial = 1 << 28 },
		"no value":          func(t *Ticket) { t.Face = 0 },
		"negative value":    func(t *Ticket) { t.Face = -1000 },
		"value too high":    func(t *Ticket) { t.Face = 1 << 16 },
		"no voucher":        func(t *Ticket) { t.Count = 0 },
		"too many vouchers": func(t *Ticket) { t.Count = 128 },
		"before 2024":       func(t *Ticket) { t.From = -1 },
		"after June 2046":   func(t *Ticket) { t.From, t.Until = 8192, 8192 },
		"ends before":       func(t *Ticket) { t.Until = t.From - 1 },
		"lasts too long":    func(t *Ticket) { t.Until = t.From + 4096 },
	} {
		ticket := typical
		change(&ticket)
		if payload, err := ring.Sign(ring.Current(), ticket); !errors.Is(err, ErrRange) {
			t.Errorf("%s: %q, %v", name, payload, err)
		}
	}
}

// The last 64 bits of a payload are the tag: they start in the 124th character.
const firstTagChar = 123

func TestEveryChangedCharacterIsRefused(t *testing.T) {
	t.Parallel()
	ring := testRing(t, 2)
	public := ring.Public()
	good := mustSign(t, ring, typical)
	for i := range good {
		for _, char := range alphabet {
			if byte(char) == good[i] {
				continue
			}
			changed := with(good, i, string(char))
			if got, err := ring.Check(changed); err == nil || got != (Ticket{}) {
				t.Fatalf("Check accepts %c as character %d: %+v", char, i, got)
			}
			got, err := public.Verify(changed)
			if i < firstTagChar && (err == nil || got != (Ticket{})) {
				t.Fatalf("Verify accepts %c as character %d: %+v", char, i, got)
			}
			if i > firstTagChar && (err != nil || got != typical) {
				t.Fatalf("Verify minds %c as character %d, in the tag: %v", char, i, err)
			}
		}
	}
}

func TestPublicKeysOfAWrongSizeAreIgnored(t *testing.T) {
	t.Parallel()
	payload := mustSign(t, testRing(t, 2), typical)
	for _, keys := range []PublicKeys{nil, {{ID: 2}}, {{ID: 2, Ed25519: []byte("short")}}} {
		if _, err := keys.Verify(payload); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("%v: %v", keys, err)
		}
	}
}

func TestURLIsMadeOfCharactersAQRCodePacks(t *testing.T) {
	t.Parallel()
	payload := mustSign(t, testRing(t, 2), typical)
	for base, want := range map[string]string{
		"https://passerelle.fr":  "HTTPS://PASSERELLE.FR/C/",
		"https://passerelle.fr/": "HTTPS://PASSERELLE.FR/C/",
		"HTTPS://a.fr:8443":      "HTTPS://A.FR:8443/C/",
		"http://localhost:8080":  "HTTP://LOCALHOST:8080/C/",
	} {
		got, err := URL(base, payload)
		if err != nil || got != want+payload || len(got) > MaxURL {
			t.Errorf("URL(%q) = %q (%d), %v", base, got, len(got), err)
		}
		if strings.Trim(got, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:") != "" {
			t.Errorf("%q is not alphanumeric for a QR code", got)
		}
		if back, err := FromScan(got); err != nil || back != payload {
			t.Errorf("FromScan(%q) = %q, %v", got, back, err)
		}
	}
}

func TestURLRefusesOtherBases(t *testing.T) {
	t.Parallel()
	payload := mustSign(t, testRing(t, 2), typical)
	for base, want := range map[string]error{
		"": ErrAddress, "passerelle.fr": ErrAddress, "ftp://a.fr": ErrAddress, "https://": ErrAddress, "https://é.fr": ErrAddress,
		"https://a.fr/x": ErrAddress, "https://a.fr?x": ErrAddress, "https://a.fr#x": ErrAddress, "https://me@a.fr": ErrAddress,
		"https://[::1]": ErrAddress, "https://a b.fr": ErrAddress,
		"https://passerelle.org": ErrRange, "http://passerelle.info": ErrRange,
	} {
		if got, err := URL(base, payload); !errors.Is(err, want) {
			t.Errorf("URL(%q) = %q, %v; want %v", base, got, err, want)
		}
	}
	if _, err := URL("https://passerelle.org", payload); err == nil || !strings.Contains(err.Error(), "room for 13") {
		t.Errorf("the error does not say how long the host may be: %v", err)
	}
	if _, err := URL("https://a.fr", payload[1:]); !errors.Is(err, ErrLength) {
		t.Errorf("a short payload: %v", err)
	}
}
