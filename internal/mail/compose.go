package mail

import (
	"bytes"
	netmail "net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// compose writes m as RFC 5322 wants it. The Message-ID is the message's stable ID at
// the sender's domain.
func compose(m Message, from *netmail.Address, at time.Time) (*gomail.Msg, error) {
	to, err := check(m)
	if err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(from)
	msg.ToMailAddress(to)
	msg.Subject(m.Subject)
	msg.SetDateWithValue(at)
	msg.SetMessageIDWithValue(m.ID + "@" + domainOf(from))
	// RFC 3834: keeps holiday notices from answering us.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	for _, a := range m.Attachments {
		err := msg.AttachReader(a.Name, bytes.NewReader(a.Data), gomail.WithFileContentType(gomail.ContentType(a.Type)))
		if err != nil {
			return nil, err
		}
	}
	return msg, nil
}

func domainOf(a *netmail.Address) string {
	return a.Address[strings.LastIndexByte(a.Address, '@')+1:]
}
