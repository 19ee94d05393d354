package httpd

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/vouchers"
)

// A booklet's code is a secret: whoever holds it can spend the booklet. It comes in by a
// form or by GET /C/:payload, and from there on travels in one sealed cookie, never in an
// address, a log or a Referer. The counter (/redemptions) and the holder's page (/c) both
// read it, so a mediator who scans with the telephone's own camera finds the code there.

const (
	codeCookie = "code"
	codeLife   = 15 * time.Minute
	codeLength = 400 // bytes of the longest text that is kept
)

// holdCode keeps what somebody scanned or typed for the pages that follow.
func holdCode(c *fiber.Ctx, keys *vouchers.Keyring, code string) {
	s := of(c).server
	sealed := keys.Seal(code[:min(len(code), codeLength)], s.options.Now().Add(codeLife))
	c.Cookie(s.cookie(codeCookie, sealed, codeLife))
}

// heldCode is the code kept by holdCode, "" where there is none, or its time is over.
func heldCode(c *fiber.Ctx, keys *vouchers.Keyring) string {
	s := of(c).server
	code, err := keys.Unseal(c.Cookies(s.cookieName(codeCookie)), s.options.Now())
	if err != nil {
		return ""
	}
	return code
}

// dropCode forgets it, when the person at the counter has gone.
func dropCode(c *fiber.Ctx) { of(c).server.forget(c, codeCookie) }
