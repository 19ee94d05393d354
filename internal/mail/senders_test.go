package mail

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	gomail "github.com/wneessen/go-mail"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func sample() Message {
	return Message{
		ID: StableID("k"), To: "Zoé Ben Saïd <zoe@example.org>", Subject: "Votre paiement de 1 250,00 € est en route",
		Text:        "Bonjour,\n\n.\nÀ bientôt\n",
		Attachments: []Attachment{{Name: "relevé.pdf", Type: "application/pdf", Data: []byte("%PDF-1.7\r\n\x00\xff")}},
	}
}

// sameAsSample fails unless data is the sample as a mail program would show it.
func sameAsSample(t *testing.T, data []byte) {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var words mime.WordDecoder
	subject, _ := words.DecodeHeader(m.Header.Get("Subject"))
	to, _ := m.Header.AddressList("To")
	date, _ := m.Header.Date()
	if subject != sample().Subject || len(to) != 1 || to[0].Name != "Zoé Ben Saïd" || !date.Equal(noon) ||
		m.Header.Get("Auto-Submitted") != "auto-generated" || m.Header.Get("From") != `"Passerelle" <bonjour@passerelle.example>` {
		t.Errorf("headers: %q", m.Header)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	text, err := parts.NextRawPart()
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(quotedprintable.NewReader(text))
	if got := strings.ReplaceAll(string(body), "\r\n", "\n"); strings.TrimSpace(got) != strings.TrimSpace(sample().Text) {
		t.Errorf("text %q", got)
	}
	file, err := parts.NextRawPart()
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := io.ReadAll(base64.NewDecoder(base64.StdEncoding, file))
	_, disposition, _ := mime.ParseMediaType(file.Header.Get("Content-Disposition"))
	name, _ := words.DecodeHeader(disposition["filename"])
	if !bytes.Equal(raw, sample().Attachments[0].Data) || name != "relevé.pdf" {
		t.Errorf("attachment %q %q", name, raw)
	}
}

func TestAMessageArrivesWhole(t *testing.T) {
	t.Parallel()
	secure := certified(t)
	trust := func(s *SMTP) {
		s.tls.RootCAs = x509.NewCertPool()
		s.tls.RootCAs.AddCert(secure.Certificate())
	}
	starttls := func(s *smtp.Server) { s.TLSConfig = secure.TLS.Clone() }
	for _, c := range []struct {
		name, userinfo string
		server         []func(*smtp.Server)
		tls            bool
	}{
		{"in clear on this machine", "", nil, false},
		{"with a password on this machine", "passerelle:p%40ss%2Fword@", nil, false},
		{"by STARTTLS when offered", "", []func(*smtp.Server){starttls}, true},
		{"by STARTTLS with a password", "passerelle:p%40ss%2Fword@", []func(*smtp.Server){starttls}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			catcher := catch(t, c.server...)
			s, err := NewSMTP("smtp://"+c.userinfo+catcher.addr, from, func() time.Time { return noon })
			if err != nil {
				t.Fatal(err)
			}
			trust(s)
			if err := s.Send(context.Background(), sample()); err != nil {
				t.Fatal(err)
			}
			got := catcher.caught()
			if len(got) != 1 || got[0].tls != c.tls || (got[0].user == "passerelle") != (c.userinfo != "") {
				t.Fatalf("caught %+v", got)
			}
			sameAsSample(t, []byte(got[0].data))
		})
	}
}

func TestAStrangersCertificateIsRefused(t *testing.T) {
	t.Parallel()
	secure := certified(t)
	c := catch(t, func(s *smtp.Server) { s.TLSConfig = secure.TLS.Clone() })
	s, err := NewSMTP("smtp://"+c.addr, from, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(context.Background(), sample()); err == nil || len(c.caught()) != 0 {
		t.Errorf("sent to a stranger: %v", err)
	}
}

func TestAWrongPasswordSendsNothing(t *testing.T) {
	t.Parallel()
	c := catch(t)
	s, err := NewSMTP("smtp://passerelle:wrong@"+c.addr, from, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(context.Background(), sample()); err == nil || strings.Contains(err.Error(), "wrong") || len(c.caught()) != 0 {
		t.Errorf("%v", err)
	}
}

func TestASilentServerIsLeftWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, err := NewSMTP("smtp://"+l.Addr().String(), from, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if err := s.Send(ctx, sample()); err == nil || time.Since(begun) > smtpTimeout/2 {
		t.Errorf("%v after %s", err, time.Since(begun))
	}
}

func TestSMTPAddressesAreRead(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"smtp://mail.example.org":      "mail.example.org:587",
		"smtps://mail.example.org":     "mail.example.org:465",
		"smtp://u:p@mail.example.org":  "mail.example.org:587",
		"smtps://u@mail.example.org:1": "mail.example.org:1",
		"http://mail.example.org":      "",
		"mail.example.org":             "",
		"smtp://":                      "",
		"":                             "",
		"smtp://mail.example.org:x":    "",
	} {
		s, err := NewSMTP(address, from, time.Now)
		if (err == nil) != (want != "") {
			t.Errorf("%q: %v", address, err)
		}
		if err == nil {
			client, err := gomail.NewClient(s.host, s.opts...)
			if err != nil || client.ServerAddr() != want {
				t.Errorf("%q leads to %s, want %s; %v", address, client.ServerAddr(), want, err)
			}
		}
	}
	if _, err := NewSMTP("smtp://u:secret@mail.example.org:x", from, time.Now); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error tells the password: %v", err)
	}
	if _, err := NewSMTP("smtp://mail.example.org", "nobody", time.Now); err == nil {
		t.Error("a sender without an address is accepted")
	}
}

func TestTheOutboxKeepsEachMessageOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "outbox")
	at := noon
	o, err := NewOutbox(dir, from, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := o.Send(context.Background(), sample()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	at = noon.Add(time.Minute)
	later := Message{ID: StableID("later"), To: "ali@example.org", Subject: "s", Text: "t"}
	for _, m := range []Message{later, sample()} {
		if err := o.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	list, err := o.List()
	if err != nil || len(list) != 2 || list[0] != (Entry{later.ID, at}) || list[1] != (Entry{sample().ID, noon}) {
		t.Fatalf("%+v, %v", list, err)
	}
	data, err := o.Read(sample().ID)
	if err != nil {
		t.Fatal(err)
	}
	sameAsSample(t, data)
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestTheOutboxReadsNothingElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"secret.eml", ".writing-1", "20260302T120000.000Z-x.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o, err := NewOutbox(dir, from, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := o.List(); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	for _, id := range []string{"", "secret", "../secret", "x", "/etc/passwd", "*", "writing-1"} {
		if data, err := o.Read(id); !errors.Is(err, ErrNoMessage) {
			t.Errorf("Read(%q) = %q, %v", id, data, err)
		}
	}
}
