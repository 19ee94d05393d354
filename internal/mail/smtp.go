package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Refused marks an error with which the mail server said a clear and permanent no (a
// reply of the 5xx kind, RFC 5321 section 4.2.1).
var Refused = errors.New("the mail server refuses")

// smtpTimeout bounds connecting, and then the sending of one message.
const smtpTimeout = 30 * time.Second

// SMTP sends through a mail server, on a new connection for each message.
type SMTP struct {
	from *netmail.Address
	now  func() time.Time
	host string
	dial *net.Dialer
	tls  *tls.Config
	ssl  bool // TLS from the first byte, not by STARTTLS
	opts []gomail.Option
}

// NewSMTP reads SMTP_URL: smtp://user:password@host:port (port 587 unless given, and
// STARTTLS when the server offers it) or smtps://… (TLS from the start, port 465). A
// password is only ever sent over TLS or to this same machine. from is the address that
// notices come from, with or without a name.
func NewSMTP(address, from string, now func() time.Time) (*SMTP, error) {
	sender, err := parseAddress(from)
	if err != nil {
		return nil, fmt.Errorf("the sender's address %q: %w", from, err)
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
		return nil, errors.New("SMTP_URL must read smtp://user:password@host:port or smtps://…")
	}
	s := &SMTP{
		from: sender, now: now, host: u.Hostname(), ssl: u.Scheme == "smtps",
		dial: &net.Dialer{Timeout: smtpTimeout},
		tls:  &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12},
	}
	port := 587
	if s.ssl {
		port = 465
		s.opts = append(s.opts, gomail.WithSSL())
	}
	if given := u.Port(); given != "" {
		if port, err = strconv.Atoi(given); err != nil {
			return nil, errors.New("SMTP_URL has a port that is no number")
		}
	}
	s.opts = append(s.opts, gomail.WithPort(port), gomail.WithTimeout(smtpTimeout), gomail.WithHELO(domainOf(sender)),
		gomail.WithTLSPolicy(gomail.TLSOpportunistic), gomail.WithTLSConfig(s.tls), gomail.WithoutSMTPUTF8())
	if u.User != nil {
		password, _ := u.User.Password()
		s.opts = append(s.opts, gomail.WithUsername(u.User.Username()), gomail.WithPassword(password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthCramMD5))
	}
	return s, nil
}

// Send delivers m to the mail server. Once the server has taken responsibility for the
// message, trouble while saying good-bye is no error: the message would go out twice.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	msg, err := compose(m, s.from, s.now())
	if err != nil {
		return err
	}
	hangUp := func() {}
	defer func() { hangUp() }()
	// go-mail minds its own deadline, but not ctx once it is connected, and leaves a
	// connection open when the conversation fails early.
	dial := func(dialling context.Context, network, address string) (net.Conn, error) {
		conn, err := s.connect(dialling, network, address)
		if err == nil {
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			hangUp = func() { stop(); conn.Close() }
		}
		return conn, err
	}
	client, err := gomail.NewClient(s.host, append(s.opts[:len(s.opts):len(s.opts)], gomail.WithDialContextFunc(dial))...)
	if err != nil {
		return err
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return sorted(err, m)
	}
	if err := client.SendWithSMTPClient(session, msg); err != nil && !msg.IsDelivered() {
		return sorted(err, m)
	}
	_ = session.Quit() // delivered: see above
	return nil
}

func (s *SMTP) connect(ctx context.Context, network, address string) (net.Conn, error) {
	if !s.ssl {
		return s.dial.DialContext(ctx, network, address)
	}
	d := tls.Dialer{NetDialer: s.dial, Config: s.tls}
	return d.DialContext(ctx, network, address)
}

// sorted tells a clear no from the rest, and takes the recipient out of the text,
// because servers like to repeat it and errors end in logs.
func sorted(err error, m Message) error {
	text := err.Error()
	if to, parseErr := parseAddress(m.To); parseErr == nil {
		text = strings.ReplaceAll(text, to.Address, "…")
	}
	var sending *gomail.SendError
	if errors.As(err, &sending) && sending.ErrorCode() >= 500 {
		return fmt.Errorf("%w: %s", Refused, text)
	}
	return errors.New(text)
}
