package vouchers

import (
	"crypto/ed25519"
	"crypto/subtle"
	"fmt"
)

// Ticket is what a QR code says about a booklet (or about one paper cheque, with a
// count of 1). It is public: it names nobody and holds no secret; the signature and the
// tag around it are what cannot be made without a key.
type Ticket struct {
	Campaign CampaignID `json:"campaign"`   // 1 to 1,048,575
	Serial   uint32     `json:"serial"`     // within the campaign, 0 to 268,435,455
	Face     Cents      `json:"face_cents"` // of one voucher, 1 to 65,535 (€655.35)
	Count    int        `json:"count"`      // vouchers in the booklet, 1 to 127
	From     Day        `json:"from"`       // first day it may be spent, 2024-01-01 to 2046-06-05
	Until    Day        `json:"until"`      // last day, included; at most 4,095 days after From
}

// The payload of a QR code, version 1:
//
//	13 bytes  version 3 bits, key 5, campaign 20, serial 28, face 16, count 7, from 13,
//	          until − from 12; big-endian, most significant bit first
//	64 bytes  Ed25519 (RFC 8032) over "passerelle qr 1", a zero byte, and the 13 bytes
//	 8 bytes  the first 8 of HMAC-SHA-256 over the 77 bytes before, for the server only
//
// 85 bytes, which are exactly 136 characters of base 32.
const (
	PayloadLength = 136 // characters

	qrVersion  = 1
	qrDomain   = "passerelle qr 1\x00"
	ticketSize = 13
	signedSize = ticketSize + ed25519.SignatureSize
	tagSize    = 8
	qrSize     = signedSize + tagSize
)

// field is a number and the bits it takes.
type field struct {
	name  string
	value int64
	width uint
}

// pack writes the ticket's 13 bytes. It fails with ErrRange, naming the field.
func (t Ticket) pack(key uint8) (packed [ticketSize]byte, err error) {
	if t.Campaign < 1 || t.Face < 1 || t.Count < 1 {
		return packed, fmt.Errorf("%w: campaign, face value and count start at 1", ErrRange)
	}
	fields := [...]field{
		{"version", qrVersion, 3},
		{"key", int64(key), 5},
		{"campaign", int64(t.Campaign), 20},
		{"serial", int64(t.Serial), 28},
		{"face value", int64(t.Face), 16},
		{"count", int64(t.Count), 7},
		{"first day", int64(t.From), 13},
		{"number of days", int64(t.Until) - int64(t.From), 12},
	}
	var waiting uint64
	var bits uint
	out := packed[:0]
	for _, f := range fields {
		if f.value>>f.width != 0 {
			return packed, fmt.Errorf("%w: %s", ErrRange, f.name)
		}
		waiting, bits = waiting<<f.width|uint64(f.value), bits+f.width
		for bits >= 8 {
			bits -= 8
			out = append(out, byte(waiting>>bits))
		}
	}
	return packed, nil
}

// unpack is the inverse of pack, for bytes that were proved to be ours.
func unpack(packed []byte) Ticket {
	var waiting uint64
	var bits uint
	next := func(width uint) int64 {
		for bits < width {
			waiting, bits, packed = waiting<<8|uint64(packed[0]), bits+8, packed[1:]
		}
		bits -= width
		return int64(waiting >> bits & (1<<width - 1))
	}
	next(3 + 5)
	t := Ticket{
		Campaign: CampaignID(next(20)),
		Serial:   uint32(next(28)),
		Face:     Cents(next(16)),
		Count:    int(next(7)),
		From:     Day(next(13)),
	}
	t.Until = t.From + Day(next(12))
	return t
}

// header is the version and the key of a payload.
func header(packed []byte) (version, key uint8) { return packed[0] >> 5, packed[0] & 31 }

// open decodes a payload's characters. Nothing is proved yet about what they say.
func open(payload string) (raw [qrSize]byte, key uint8, err error) {
	if err := decodeBase32(raw[:], payload); err != nil {
		return raw, 0, err
	}
	version, key := header(raw[:])
	if version != qrVersion {
		return raw, 0, ErrVersion
	}
	return raw, key, nil
}

// signed is what the signature is over.
func signed(packed []byte) []byte {
	return append([]byte(qrDomain), packed...)
}

// Sign makes the payload of a ticket's QR code with one key, for a new booklet the
// current one. The same ticket and key always give the same payload, so a booklet can be
// printed again after the keys were rotated. It fails with ErrUnknownKey or ErrRange.
func (r *Keyring) Sign(key uint8, t Ticket) (string, error) {
	if key > MaxKeyID || r.keys[key] == nil {
		return "", ErrUnknownKey
	}
	k := r.keys[key]
	packed, err := t.pack(key)
	if err != nil {
		return "", err
	}
	raw := make([]byte, 0, qrSize)
	raw = append(raw, packed[:]...)
	raw = append(raw, k.sign(signed(packed[:]))...)
	tag := k.tag.sum(raw)
	raw = append(raw, tag[:tagSize]...)
	return string(appendBase32(make([]byte, 0, PayloadLength), raw)), nil
}

// Check proves a payload by its tag, in constant time and some hundred times faster
// than by its signature. The tag covers every other character, signature included, so a
// payload with any character changed is refused.
//
// It says that we made the payload, never that its vouchers are unspent. It fails with
// ErrMalformed, ErrUnknownKey or ErrSignature.
func (r *Keyring) Check(payload string) (Ticket, error) {
	raw, id, err := open(payload)
	if err != nil {
		return Ticket{}, err
	}
	k := r.keys[id]
	if k == nil {
		return Ticket{}, ErrUnknownKey
	}
	tag := k.tag.sum(raw[:signedSize])
	if subtle.ConstantTimeCompare(tag[:tagSize], raw[signedSize:]) != 1 {
		return Ticket{}, ErrSignature
	}
	return unpack(raw[:ticketSize]), nil
}

// Verify proves a payload by its Ed25519 signature: anybody can, without network, with
// the public keys alone.
//
// It covers the ticket and the signature. The last 64 bits (the last 12 characters and
// four bits of the one before) are the server's tag, which Verify cannot check: it
// accepts a payload with those changed, and the ticket is true all the same. It fails
// with ErrMalformed, ErrUnknownKey or ErrSignature.
func (keys PublicKeys) Verify(payload string) (Ticket, error) {
	raw, id, err := open(payload)
	if err != nil {
		return Ticket{}, err
	}
	for _, k := range keys {
		if k.ID != id || len(k.Ed25519) != ed25519.PublicKeySize {
			continue
		}
		if !ed25519.Verify(k.Ed25519, signed(raw[:ticketSize]), raw[ticketSize:signedSize]) {
			return Ticket{}, ErrSignature
		}
		return unpack(raw[:ticketSize]), nil
	}
	return Ticket{}, ErrUnknownKey
}
