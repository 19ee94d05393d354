package httpd

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"
)

// A booklet's code is a secret: whoever holds it can spend the booklet. It comes in by a
// form or by GET /C/:payload, and from there on travels in one sealed cookie, never in an
// address, a log or a Referer. The counter (/redemptions) and the holder's page (/c) both
// read it, so a mediator who scans with the telephone's own camera finds the code there.

const (
	codeCookie = "code"
	codeLife   = 15 * time.Minute // also written inside the seal: a browser may keep a cookie longer
	codeLength = 400              // bytes of the longest text that is kept
)

// newSeal makes the cipher for cookies. key is of 32 bytes and shared by all nodes; without
// one, each process draws its own.
func newSeal(key []byte) (cipher.AEAD, error) {
	if key == nil {
		key = make([]byte, 32)
		rand.Read(key)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("the key for cookies: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// holdCode keeps what somebody scanned or typed for the pages that follow.
func holdCode(c *fiber.Ctx, code string) {
	s := of(c).server
	plain := binary.BigEndian.AppendUint64(nil, uint64(s.options.Now().Add(codeLife).Unix()))
	plain = append(plain, code[:min(len(code), codeLength)]...)
	sealed := s.seal.Seal(nil, nil, plain, []byte(codeCookie))
	c.Cookie(s.cookie(codeCookie, base64.RawURLEncoding.EncodeToString(sealed), codeLife))
}

// heldCode is the code kept by holdCode, "" where there is none, or its time is over.
func heldCode(c *fiber.Ctx) string {
	s := of(c).server
	sealed, err := base64.RawURLEncoding.DecodeString(c.Cookies(s.cookieName(codeCookie)))
	if err != nil {
		return ""
	}
	plain, err := s.seal.Open(nil, nil, sealed, []byte(codeCookie))
	if err != nil || len(plain) < 8 {
		return ""
	}
	until := time.Unix(int64(binary.BigEndian.Uint64(plain)), 0)
	if !s.options.Now().Before(until) {
		return ""
	}
	return string(plain[8:])
}

// dropCode forgets it, when the person at the counter has gone.
func dropCode(c *fiber.Ctx) { of(c).server.forget(c, codeCookie) }
