package vouchers

import (
	"fmt"
	"net/url"
	"strings"
)

// MaxURL is the longest address printed as a QR code, in characters: with a medium
// error correction it makes a symbol of 45 × 45 modules (version 7), which a telephone
// reads from worn paper.
const MaxURL = 160

// cheque is the path before a payload.
const cheque = "/C/"

// URL is the address to print as a QR code: the payload under the service's own
// address, all in capitals, so that the QR code is in alphanumeric mode.
//
// base is a scheme and a host, "https://example.fr". It fails with ErrAddress when base
// is not one, with ErrLength when payload cannot be one, and with ErrRange when the
// whole is longer than MaxURL, saying how long the host may be.
func URL(base, payload string) (string, error) {
	if len(payload) != PayloadLength {
		return "", ErrLength
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !isHost(u.Host) {
		return "", fmt.Errorf("%w: a base is http(s):// and a host", ErrAddress)
	}
	origin := u.Scheme + "://" + u.Host
	if !strings.EqualFold(strings.TrimSuffix(base, "/"), origin) {
		return "", fmt.Errorf("%w: a base has nothing after its host", ErrAddress)
	}
	room := MaxURL - PayloadLength - len(cheque) - len(u.Scheme+"://")
	if len(u.Host) > room {
		return "", fmt.Errorf("%w: host %s has %d characters, port included; the QR code has room for %d",
			ErrRange, u.Host, len(u.Host), room)
	}
	return strings.ToUpper(origin) + cheque + payload, nil
}

// isHost accepts the characters that hosts, ports and the alphanumeric mode share.
func isHost(s string) bool {
	strange := strings.IndexFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '.' || r == '-' || r == ':')
	})
	return s != "" && strange < 0
}

// FromScan finds the payload in what a scanner read: an address made by URL, of
// whatever host (the signature says whose it is), or the bare payload. It accepts white
// space around it, which hand scanners add.
//
// It looks at the form only; Check or Verify must follow. It fails with ErrMalformed.
func FromScan(text string) (payload string, err error) {
	payload = strings.TrimSpace(text)
	if scheme, rest, found := strings.Cut(payload, "://"); found {
		host, path, _ := strings.Cut(rest, "/")
		if !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") || !isHost(host) ||
			len(path) < 2 || !strings.EqualFold(path[:2], "C/") {
			return "", ErrAddress
		}
		payload = path[2:]
	}
	var raw [qrSize]byte
	if err := decodeBase32(raw[:], payload); err != nil {
		return "", err
	}
	return payload, nil
}
