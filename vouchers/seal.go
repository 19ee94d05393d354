package vouchers

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"
)

// Sealed text, before base 64: the key's id, the nonce, then under AES-256-GCM the Unix
// second at which it ends and the text. The id is authenticated too.
const (
	sealHead  = 1
	sealNonce = 12
	sealEnd   = 8
)

func newSeal(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // cannot happen: a subkey has 32 bytes
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // cannot happen: AES has blocks of 16 bytes
	}
	return seal
}

// Seal hides a code for the minutes that it spends in a browser's cookie: every node that
// holds the keys reads it, until then, and nobody else does. Two seals of one text differ.
func (r *Keyring) Seal(text string, until time.Time) string {
	raw := make([]byte, sealHead+sealNonce)
	raw[0] = r.current
	_, _ = rand.Read(raw[sealHead:]) // never fails: the program stops if there is no randomness
	plain := append(binary.BigEndian.AppendUint64(nil, uint64(until.Unix())), text...)
	raw = r.keys[r.current].seal.Seal(raw, raw[sealHead:], plain, raw[:sealHead])
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Unseal gives the text that Seal hid. It fails with ErrMalformed, ErrUnknownKey, or with
// ErrSignature where the seal is not ours or has ended.
func (r *Keyring) Unseal(sealed string, now time.Time) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(raw) < sealHead+sealNonce {
		return "", fmt.Errorf("%w: seal", ErrMalformed)
	}
	id := raw[0]
	if id > MaxKeyID || r.keys[id] == nil {
		return "", ErrUnknownKey
	}
	head, nonce, hidden := raw[:sealHead], raw[sealHead:sealHead+sealNonce], raw[sealHead+sealNonce:]
	plain, err := r.keys[id].seal.Open(nil, nonce, hidden, head)
	if err != nil || len(plain) < sealEnd || now.Unix() >= int64(binary.BigEndian.Uint64(plain)) {
		return "", ErrSignature
	}
	return string(plain[sealEnd:]), nil
}
