// Package mail sends plain-text notices, each to one person. A notice is a job, so it
// is never lost and, by its key, never made twice; a repetition that a lost answer
// forces upon us carries the same Message-ID, so that mail programs show it once.
package mail

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/jobs"
)

// Kind names the jobs that send mail.
const Kind = "mail"

// maxAttachments bounds the attachments of one message, in bytes before encoding.
const maxAttachments = 10 << 20

// Attachment is a file that comes with a message.
type Attachment struct {
	Name string `json:"name"`
	Type string `json:"type"` // media type, such as application/pdf
	Data []byte `json:"data"`
}

// Message is a notice to one person.
type Message struct {
	ID          string       `json:"id"` // StableID of the notice's key; set by Enqueue
	To          string       `json:"to"` // "name@example.org" or "Name <name@example.org>"
	Subject     string       `json:"subject"`
	Text        string       `json:"text"`
	Attachments []Attachment `json:"attachments,omitempty"`
}

// Sender hands a message over to the outside. An error that is Refused was a clear no;
// any other leaves open whether the message went out.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// StableID derives a message's ID from the key of its notice. The key is an internal
// reference ("payout:7:paid"); the hash keeps it out of other people's hands.
func StableID(key string) string {
	sum := sha256.Sum256([]byte("passerelle notice " + key))
	return hex.EncodeToString(sum[:16])
}

// Enqueue sends m once the caller's transaction has committed. key names the notice,
// without personal data: whatever is enqueued again under the same key is not sent
// again. A message that could smuggle a header or a recipient is refused here.
func Enqueue(ctx context.Context, tx *db.Tx, key string, m Message) error {
	if key == "" {
		return errors.New("mail: a notice needs a key")
	}
	m.ID = StableID(key)
	if _, err := check(m); err != nil {
		return err
	}
	return jobs.Enqueue(ctx, tx, jobs.Job{Kind: Kind, Unique: "mail:" + key, Payload: m})
}

// refusals is how often a mail server may say a clear no. The second and third try
// are for servers whose trouble passes although they call it permanent.
const refusals = 3

// Handler does the jobs of Kind.
func Handler(sender Sender) jobs.Handler {
	return func(ctx context.Context, work jobs.Work) error {
		var m Message
		if err := json.Unmarshal(work.Payload, &m); err != nil {
			return jobs.GiveUp(fmt.Errorf("the message cannot be read: %w", err))
		}
		err := sender.Send(ctx, m)
		if errors.Is(err, Refused) && work.Attempt >= refusals {
			return jobs.GiveUp(err)
		}
		return err
	}
}

// CheckAddress refuses with email_malformed what is not one plain e-mail address,
// local@domain in ASCII, as people type it into a form.
func CheckAddress(address string) error {
	a, err := parseAddress(address)
	if err != nil || a.Name != "" || a.Address != address {
		return malformed()
	}
	return nil
}

func malformed() error { return fault.New(fault.Invalid, "email_malformed") }

// parseAddress reads one address, with or without a name. It is narrower than RFC 5322:
// no quoted local part, no address literal, nothing outside ASCII in the address.
func parseAddress(s string) (*netmail.Address, error) {
	if len(s) > 400 || hasControl(s) {
		return nil, malformed()
	}
	a, err := netmail.ParseAddress(s)
	if err != nil || len(a.Address) > 254 || hasControl(a.Name) {
		return nil, malformed()
	}
	local, domain, _ := strings.Cut(a.Address, "@")
	if len(local) > 64 || !strings.Contains(domain, ".") || strings.ContainsFunc(a.Address, unfitForAddress) || strings.Contains(domain, "@") {
		return nil, malformed()
	}
	return a, nil
}

func unfitForAddress(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),:;<>[]\`, r)
}

// check refuses a message that a mail program could read as more than one message,
// more than one recipient or more than the headers it is meant to have.
func check(m Message) (*netmail.Address, error) {
	to, err := parseAddress(m.To)
	if err != nil {
		return nil, err
	}
	if len(m.ID) != 32 || strings.Trim(m.ID, "0123456789abcdef") != "" {
		return nil, errors.New("mail: a message needs a StableID")
	}
	if m.Subject == "" || hasControl(m.Subject) {
		return nil, errors.New("mail: a subject is one line of text")
	}
	if !utf8.ValidString(m.Text) || strings.ContainsRune(m.Text, 0) {
		return nil, errors.New("mail: the text is not text")
	}
	size := 0
	for _, a := range m.Attachments {
		if a.Name == "" || hasControl(a.Name) || strings.ContainsAny(a.Name, `/\"`) || !plainMediaType(a.Type) {
			return nil, errors.New("mail: an attachment needs a plain name and a media type")
		}
		size += len(a.Data)
	}
	if size > maxAttachments {
		return nil, fmt.Errorf("mail: %d bytes of attachments are more than %d", size, maxAttachments)
	}
	return to, nil
}

// hasControl finds what could end a header line: control characters, Unicode line and
// paragraph separators, and bytes that are no text at all.
func hasControl(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	})
}

func plainMediaType(s string) bool {
	kind, sub, found := strings.Cut(s, "/")
	return found && kind != "" && sub != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789+-./") == "" && !strings.Contains(sub, "/")
}
