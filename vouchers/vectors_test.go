package vouchers

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

const vectorsFile = "testdata/vectors.json"

// vectors is what any implementation of the codes must reproduce; the browser's reads
// the same file.
type vectors struct {
	Comment string `json:"comment"`
	Keys    []struct {
		ID      uint8  `json:"id"`
		Secret  []byte `json:"secret"`
		Ed25519 []byte `json:"ed25519"`
	} `json:"keys"`
	Tickets []struct {
		Key     uint8  `json:"key"`
		Ticket  Ticket `json:"ticket"`
		Payload string `json:"payload"`
	} `json:"tickets"`
	Refused []refused `json:"refused_payloads"`
	Typed   []struct {
		Key      uint8      `json:"key"`
		Campaign CampaignID `json:"campaign"`
		Serial   uint32     `json:"serial"`
		Code     string     `json:"code"`
		Hash     []byte     `json:"hash"`
	} `json:"typed"`
	Read  []reading `json:"typed_readings"`
	Scans []reading `json:"scans"`
}

// refused is a payload that Check and Verify refuse for the reasons named, "" if they do not.
type refused struct {
	Case    string `json:"case"`
	Payload string `json:"payload"`
	Check   string `json:"check"`
	Verify  string `json:"verify"`
}

// reading is a text, and what it is read as or why it is refused.
type reading struct {
	Text  string `json:"text"`
	Is    string `json:"is,omitempty"`
	Error string `json:"error,omitempty"`
}

// reason is the name of an error in the vectors and in the browser.
func reason(err error) string {
	names := map[error]string{
		nil: "", ErrLength: "length", ErrCharacter: "character", ErrCheck: "check", ErrVersion: "version",
		ErrAddress: "address", ErrSignature: "signature", ErrUnknownKey: "unknown_key",
	}
	if name, known := names[err]; known {
		return name
	}
	return "unexpected: " + err.Error()
}

// testKey is a key whose secret everybody knows.
func testKey(tb testing.TB, id uint8) Key {
	tb.Helper()
	key, err := KeyFrom(id, bytes.Repeat([]byte{id}, secretSize))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// testRing holds the keys 1, 2 and 31.
func testRing(tb testing.TB, current uint8) *Keyring {
	tb.Helper()
	ring, err := NewKeyring(current, testKey(tb, 1), testKey(tb, 2), testKey(tb, 31))
	if err != nil {
		tb.Fatal(err)
	}
	return ring
}

func mustSign(tb testing.TB, ring *Keyring, ticket Ticket) string {
	tb.Helper()
	payload, err := ring.Sign(ring.Current(), ticket)
	if err != nil {
		tb.Fatal(err)
	}
	return payload
}

var (
	typical  = Ticket{Campaign: 42, Serial: 123456, Face: 1000, Count: 10, From: 1036, Until: 1156}
	smallest = Ticket{Campaign: 1, Serial: 0, Face: 1, Count: 1, From: 0, Until: 0}
	largest  = Ticket{Campaign: 1<<20 - 1, Serial: 1<<28 - 1, Face: 1<<16 - 1, Count: 127, From: 8191, Until: 8191 + 4095}
)

// with replaces the characters of s from position i on, counted from the end if negative.
func with(s string, i int, chars string) string {
	if i < 0 {
		i += len(s)
	}
	return s[:i] + chars + s[i+len(chars):]
}

// other is a different character of the alphabet.
func other(char byte) string { return string(alphabet[(digitOf[char]+1)%32]) }

func makeVectors(t *testing.T) vectors {
	v := vectors{Comment: "Codes of Passerelle, version 1. The secrets are for tests only: byte n repeated 32 times for key n."}
	public := map[uint8][]byte{}
	for _, k := range testRing(t, 1).Public() {
		public[k.ID] = k.Ed25519
	}
	for _, id := range []uint8{1, 2, 31} {
		v.Keys = append(v.Keys, struct {
			ID      uint8  `json:"id"`
			Secret  []byte `json:"secret"`
			Ed25519 []byte `json:"ed25519"`
		}{id, bytes.Repeat([]byte{id}, secretSize), public[id]})
		ring := testRing(t, id)
		for _, ticket := range []Ticket{typical, smallest, largest} {
			v.Tickets = append(v.Tickets, struct {
				Key     uint8  `json:"key"`
				Ticket  Ticket `json:"ticket"`
				Payload string `json:"payload"`
			}{id, ticket, mustSign(t, ring, ticket)})
		}
		for _, serial := range []uint32{0, 1, 2, 123456, 1<<28 - 1} {
			code, err := ring.Typed(id, 42, serial)
			if err != nil {
				t.Fatal(err)
			}
			hash, err := ring.HashWith(id, code)
			if err != nil {
				t.Fatal(err)
			}
			v.Typed = append(v.Typed, struct {
				Key      uint8      `json:"key"`
				Campaign CampaignID `json:"campaign"`
				Serial   uint32     `json:"serial"`
				Code     string     `json:"code"`
				Hash     []byte     `json:"hash"`
			}{id, 42, serial, code.String(), hash})
		}
	}
	good := mustSign(t, testRing(t, 2), typical)
	v.Refused = refusals(t, good)
	v.Read = readings(v.Typed[0].Code)
	v.Scans = scans(good)
	return v
}

func refusals(t *testing.T, good string) []refused {
	t.Helper()
	stranger, err := KeyFrom(2, bytes.Repeat([]byte{99}, secretSize))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := NewKeyring(2, stranger)
	if err != nil {
		t.Fatal(err)
	}
	neighbour := typical
	neighbour.Serial++
	next := mustSign(t, testRing(t, 2), neighbour)
	return []refused{
		{"empty", "", "length", "length"},
		{"one character missing", good[1:], "length", "length"},
		{"one character too many", good + "0", "length", "length"},
		{"small letters", strings.ToLower(good), "character", "character"},
		{"the letter I", with(good, 50, "I"), "character", "character"},
		{"the letter L", with(good, 50, "L"), "character", "character"},
		{"the letter O", with(good, 50, "O"), "character", "character"},
		{"the letter U", with(good, 50, "U"), "character", "character"},
		{"a line break at the end", with(good, -1, "\n"), "character", "character"},
		{"a padding sign", with(good, -1, "="), "character", "character"},
		{"version 0", with(good, 0, "0"), "version", "version"},
		{"version 2", with(good, 0, "8"), "version", "version"},
		{"key 10, which does not exist", with(good, 0, "5"), "unknown_key", "unknown_key"},
		{"key 1 in place of key 2", with(good, 1, string(alphabet[digitOf[good[1]]^0b01100])), "signature", "signature"},
		{"another count", with(good, 14, other(good[14])), "signature", "signature"},
		{"another signature", with(good, 60, other(good[60])), "signature", "signature"},
		{"another tag: only the server sees it", with(good, -1, other(good[135])), "signature", ""},
		{"the neighbour's tag: only the server sees it", with(good, 124, next[124:]), "signature", ""},
		{"the neighbour's ticket", with(good, 0, next[:20]), "signature", "signature"},
		{"a stranger's key under the same number", mustSign(t, foreign, typical), "signature", "signature"},
		{"all zeros after version and key", with(strings.Repeat("0", PayloadLength), 0, good[:2]), "signature", "signature"},
	}
}

func readings(printed string) []reading {
	plain := strings.ReplaceAll(printed, "-", "")
	return []reading{
		{Text: printed, Is: printed},
		{Text: plain, Is: printed},
		{Text: strings.ToLower(printed), Is: printed},
		{Text: strings.Join(strings.Split(plain, ""), " "), Is: printed},
		{Text: "\t" + strings.ReplaceAll(printed, "-", "\u00a0\u202f\u2010\u2011\u2013") + "\r\n", Is: printed},
		{Text: "OoIi-LlOO-0000-000", Error: "check"},
		{Text: "oooo oooo oooo ooo", Is: "0000-0000-0000-000"},
		{Text: "", Error: "length"},
		{Text: "---- ----", Error: "length"},
		{Text: plain[:14], Error: "length"},
		{Text: plain + "0", Error: "length"},
		{Text: with(plain, 3, "U"), Error: "character"},
		{Text: with(plain, 3, "u"), Error: "character"},
		{Text: with(plain, 3, "*"), Error: "character"},
		{Text: with(plain, 3, "_"), Error: "character"},
		{Text: plain[:14] + "é", Error: "character"},
		{Text: plain[:14] + "ſ", Error: "character"},
		{Text: plain[:14] + "ı", Error: "character"},
		{Text: plain[:14] + "\u0660", Error: "character"},
		{Text: with(plain, 0, other(plain[0])), Error: "check"},
		{Text: with(plain, 14, other(plain[14])), Error: "check"},
		{Text: with(plain, 4, string([]byte{plain[5], plain[4]})), Error: "check"},
	}
}

func scans(payload string) []reading {
	return []reading{
		{Text: payload, Is: payload},
		{Text: " " + payload + "\r\n", Is: payload},
		{Text: "HTTPS://PASSERELLE.FR/C/" + payload, Is: payload},
		{Text: "https://another-host.example:8443/c/" + payload, Is: payload},
		{Text: "http://localhost:8080/C/" + payload, Is: payload},
		{Text: "", Error: "length"},
		{Text: "3760123456789", Error: "length"},
		{Text: payload[1:], Error: "length"},
		{Text: strings.ToLower(payload), Error: "character"},
		{Text: "HTTPS://PASSERELLE.FR/C/" + payload + "?a=b", Error: "length"},
		{Text: "HTTPS://PASSERELLE.FR/C/", Error: "length"},
		{Text: "HTTPS://PASSERELLE.FR/D/" + payload, Error: "address"},
		{Text: "HTTPS://PASSERELLE.FR/X/C/" + payload, Error: "address"},
		{Text: "HTTPS:///C/" + payload, Error: "address"},
		{Text: "HTTPS://A@B/C/" + payload, Error: "address"},
		{Text: "FTP://PASSERELLE.FR/C/" + payload, Error: "address"},
		{Text: "WIFI:T:WPA;S:MAIRIE;;", Error: "length"},
	}
}

func loadVectors(tb testing.TB) vectors {
	tb.Helper()
	text, err := os.ReadFile(vectorsFile)
	if err != nil {
		tb.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestVectorsAreWhatThisProgramMakes(t *testing.T) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(makeVectors(t)); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(vectorsFile, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(golden, text.Bytes()) {
		t.Error("codes differ from testdata/vectors.json: printed cheques would no longer be read. " +
			"If that is meant, it takes a new version of the format, then go test ./vouchers -update")
	}
}

func TestVectorsAreReadBack(t *testing.T) {
	v := loadVectors(t)
	ring := testRing(t, 1)
	for _, c := range v.Tickets {
		if got, err := ring.Check(c.Payload); err != nil || got != c.Ticket {
			t.Errorf("Check(key %d, %+v) = %+v, %v", c.Key, c.Ticket, got, err)
		}
		if got, err := ring.Public().Verify(c.Payload); err != nil || got != c.Ticket {
			t.Errorf("Verify(key %d, %+v) = %+v, %v", c.Key, c.Ticket, got, err)
		}
	}
	for _, c := range v.Refused {
		if _, err := ring.Check(c.Payload); reason(err) != c.Check {
			t.Errorf("%s: Check says %q, want %q", c.Case, reason(err), c.Check)
		}
		if _, err := ring.Public().Verify(c.Payload); reason(err) != c.Verify {
			t.Errorf("%s: Verify says %q, want %q", c.Case, reason(err), c.Verify)
		}
	}
	for _, c := range v.Read {
		code, err := ParseTyped(c.Text)
		if reason(err) != c.Error || err == nil && code.String() != c.Is {
			t.Errorf("ParseTyped(%q) = %s, %v", c.Text, code, err)
		}
		if isForm := errors.Is(err, ErrMalformed); isForm != (err != nil) {
			t.Errorf("ParseTyped(%q): %v is not ErrMalformed", c.Text, err)
		}
	}
	for _, c := range v.Scans {
		if got, err := FromScan(c.Text); got != c.Is || reason(err) != c.Error {
			t.Errorf("FromScan(%q) = %q, %v", c.Text, got, err)
		}
	}
}
