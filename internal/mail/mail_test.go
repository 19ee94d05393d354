package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/pgtest"
)

const from = "Passerelle <bonjour@passerelle.example>"

// world is a program that sends its notices to a catcher.
type world struct {
	*testing.T
	ctx     context.Context
	db      *db.DB
	clock   *pgtest.Clock
	runner  *jobs.Runner
	catcher *catcher
}

func setup(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	d, clock := pgtest.NewWithClock(t)
	c := catch(t)
	sender, err := NewSMTP("smtp://"+c.addr, from, d.Now)
	if err != nil {
		t.Fatal(err)
	}
	runner := jobs.NewRunner(d, slog.New(slog.NewTextHandler(io.Discard, nil)), map[string]jobs.Handler{Kind: Handler(sender)})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return &world{T: t, ctx: ctx, db: d, clock: clock, runner: runner, catcher: c}
}

func (w *world) notify(key string) {
	w.Helper()
	m := Message{To: "zoe@example.org", Subject: "Votre paiement", Text: "Il est en route.\n"}
	if err := w.db.InTx(w.ctx, func(tx *db.Tx) error { return Enqueue(w.ctx, tx, key, m) }); err != nil {
		w.Fatal(err)
	}
}

func (w *world) drain() {
	w.Helper()
	if err := w.runner.Drain(w.ctx); err != nil {
		w.Fatal(err)
	}
}

type job struct {
	State    string `db:"state"`
	Attempts int    `db:"attempts"`
	Error    string `db:"last_error"`
}

func (w *world) job() (j job) {
	w.Helper()
	err := w.db.InTx(w.ctx, func(tx *db.Tx) error {
		return tx.Get(w.ctx, &j, `SELECT state, attempts, last_error FROM jobs WHERE kind = 'mail'`)
	})
	if err != nil {
		w.Fatal(err)
	}
	return j
}

func TestANoticeGoesOutOnce(t *testing.T) {
	w := setup(t)
	w.notify("payout:7:paid")
	w.notify("payout:7:paid")
	w.drain()
	w.notify("payout:7:paid")
	w.drain()
	got := w.catcher.caught()
	if len(got) != 1 || fmt.Sprint(got[0].to) != "[zoe@example.org]" || got[0].from != "bonjour@passerelle.example" {
		t.Fatalf("caught %+v", got)
	}
	if id := got[0].parse(t).Header.Get("Message-ID"); id != "<"+StableID("payout:7:paid")+"@passerelle.example>" {
		t.Errorf("Message-ID %s", id)
	}
}

func TestATemporaryNoIsTriedAgain(t *testing.T) {
	w := setup(t)
	w.catcher.refuse = []error{&smtp.SMTPError{Code: 451, Message: "zoe@example.org: try later"}}
	w.notify("n")
	w.drain()
	if j := w.job(); j.State != "queued" || !strings.Contains(j.Error, "451") || strings.Contains(j.Error, "zoe") {
		t.Fatalf("after the temporary no: %+v", j)
	}
	w.clock.Add(time.Minute)
	w.drain()
	if j := w.job(); j.State != "done" || len(w.catcher.caught()) != 1 {
		t.Errorf("after the next try: %+v, caught %d", j, len(w.catcher.caught()))
	}
}

func TestAServerThatKeepsSayingNoIsLeftAlone(t *testing.T) {
	w := setup(t)
	for range 10 {
		w.catcher.refuse = append(w.catcher.refuse, &smtp.SMTPError{Code: 550, Message: "zoe@example.org: no such user"})
	}
	w.notify("n")
	for range 10 {
		w.drain()
		w.clock.Add(2 * time.Hour)
	}
	j := w.job()
	if j.State != "dead" || j.Attempts != refusals || !strings.Contains(j.Error, "550") || strings.Contains(j.Error, "zoe") {
		t.Errorf("%+v", j)
	}
}

func TestALostConnectionNeitherLosesNorDoubles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step  string
		state string // after the first attempt
		got   int    // messages the server holds in the end
	}{
		{"greeting", "queued", 1},
		{"EHLO", "queued", 1},
		{"NOOP", "queued", 1},
		{"MAIL", "queued", 1},
		{"RCPT", "queued", 1},
		{"DATA", "queued", 1},
		{"body", "queued", 1},
		{"answer", "queued", 2}, // nobody can know: a repetition with the same Message-ID
		{"RSET", "done", 1},
		{"QUIT", "done", 1},
	} {
		t.Run(c.step, func(t *testing.T) {
			w := setup(t)
			w.catcher.dropAt(c.step)
			w.notify("n")
			w.drain()
			if j := w.job(); j.State != c.state || !w.catcher.dropped() {
				t.Fatalf("after the broken connection: %+v, broken: %t", j, w.catcher.dropped())
			}
			w.clock.Add(time.Minute)
			w.drain()
			got := w.catcher.caught()
			if j := w.job(); j.State != "done" || len(got) != c.got {
				t.Fatalf("in the end: %+v, caught %d", j, len(got))
			}
			for _, e := range got {
				if id := e.parse(t).Header.Get("Message-ID"); id != "<"+StableID("n")+"@passerelle.example>" {
					t.Errorf("Message-ID %s", id)
				}
			}
		})
	}
}

func TestAnOutageOfSixHoursLosesNothing(t *testing.T) {
	w := setup(t)
	for i := range 5 {
		w.notify(fmt.Sprint("n", i))
	}
	var until = w.db.Now().Add(6 * time.Hour)
	for w.db.Now().Before(until) {
		w.catcher.dropAt("greeting")
		w.catcher.mu.Lock()
		w.catcher.refuse = nil
		for range 5 {
			w.catcher.refuse = append(w.catcher.refuse, &smtp.SMTPError{Code: 421, Message: "going down"})
		}
		w.catcher.mu.Unlock()
		w.drain()
		w.clock.Add(10 * time.Minute)
	}
	w.catcher.mu.Lock()
	w.catcher.refuse, w.catcher.drop = nil, ""
	w.catcher.mu.Unlock()
	w.clock.Add(90 * time.Minute)
	w.drain()
	seen := map[string]int{}
	for _, e := range w.catcher.caught() {
		seen[e.parse(t).Header.Get("Message-ID")]++
	}
	if len(seen) != 5 || len(w.catcher.caught()) != 5 {
		t.Errorf("caught %v", seen)
	}
}

func TestAMessageThatCannotBeReadIsDeadAtOnce(t *testing.T) {
	t.Parallel()
	err := Handler(nil)(context.Background(), jobs.Work{Attempt: 1, Payload: json.RawMessage(`[]`)})
	if err == nil || fmt.Sprintf("%T", err) != fmt.Sprintf("%T", jobs.GiveUp(io.EOF)) {
		t.Errorf("%T %v", err, err)
	}
}

func TestOnlyOnePlainAddressIsAnAddress(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"zoe@example.org", "zoe.o'neil+x@mairie-lyon.fr", "a@b.c", "ZOE_1@example.org"} {
		if err := CheckAddress(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "zoe", "zoe@", "@example.org", "zoe@localhost", "zoe@example.org, ali@example.org", "zoe@example.org;ali@example.org",
		"Zoé <zoe@example.org>", "zoe@example.org\r\nBcc: ali@example.org", "zoe@example.org\n", "zoe @example.org", `"zoe\r\n"@example.org`,
		`"a b"@example.org`, "zoe@[127.0.0.1]", "zoé@example.org", "zoe@exemplé.org", "zoe@example.org\x00", "zoe@example.org\u2028",
		strings.Repeat("a", 65) + "@example.org", "a@" + strings.Repeat("b.", 130) + "org", "zoe@example.org>", "zoe@a@b.c",
	} {
		if err := CheckAddress(bad); fault.Code(err) != "email_malformed" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestWhatCouldSmuggleIsRefusedBeforeItIsAJob(t *testing.T) {
	t.Parallel()
	good := Message{ID: StableID("k"), To: "zoe@example.org", Subject: "Bonjour", Text: "…",
		Attachments: []Attachment{{Name: "reçu.pdf", Type: "application/pdf", Data: []byte("x")}}}
	if _, err := check(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(m *Message){
		"no ID":                   func(m *Message) { m.ID = "" },
		"ID with a line end":      func(m *Message) { m.ID = m.ID[:30] + "\r\n" },
		"two recipients":          func(m *Message) { m.To = "zoe@example.org, ali@example.org" },
		"recipient with line end": func(m *Message) { m.To = "Zoé\r\nBcc: ali@example.org <zoe@example.org>" },
		"name with encoded CRLF":  func(m *Message) { m.To = "=?utf-8?q?Zo=0D=0ABcc:_ali?= <zoe@example.org>" },
		"no subject":              func(m *Message) { m.Subject = "" },
		"subject with CR LF":      func(m *Message) { m.Subject = "a\r\nBcc: ali@example.org" },
		"subject with CR":         func(m *Message) { m.Subject = "a\rb" },
		"subject with LF":         func(m *Message) { m.Subject = "a\nb" },
		"subject with U+2028":     func(m *Message) { m.Subject = "a\u2028b" },
		"subject that is no text": func(m *Message) { m.Subject = "a\xff" },
		"text that is no text":    func(m *Message) { m.Text = "\xff" },
		"file name with line end": func(m *Message) { m.Attachments[0].Name = "a\r\nX: y" },
		"file name with a path":   func(m *Message) { m.Attachments[0].Name = "../a" },
		"media type with more":    func(m *Message) { m.Attachments[0].Type = "text/html\r\nX: y" },
		"media type of one word":  func(m *Message) { m.Attachments[0].Type = "pdf" },
		"too big":                 func(m *Message) { m.Attachments[0].Data = make([]byte, maxAttachments+1) },
	} {
		m := good
		m.Attachments = []Attachment{good.Attachments[0]}
		spoil(&m)
		if _, err := check(m); err == nil {
			t.Errorf("%s: let through", name)
		}
		o, err := NewOutbox(t.TempDir(), from, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Send(context.Background(), m); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	w := &db.Tx{}
	if err := Enqueue(context.Background(), w, "k", Message{To: "zoe", Subject: "a"}); fault.Code(err) != "email_malformed" {
		t.Errorf("enqueued to nobody: %v", err)
	}
	if err := Enqueue(context.Background(), w, "", Message{To: "zoe@example.org", Subject: "a"}); err == nil {
		t.Error("enqueued without a key")
	}
}

// FuzzOneRecipient sends whatever it is given through a real SMTP conversation.
func FuzzOneRecipient(f *testing.F) {
	for _, s := range [][4]string{
		{"Zoé", "zoe@example.org", "Votre chèque", "Bonjour,\n.\n..\nà bientôt\n"},
		{"Zoé\r\nBcc: ali@example.org", "zoe@example.org", "x", "x"},
		{"", "zoe@example.org>\r\nRCPT TO:<ali@example.org", "x", "x"},
		{"", "zoe@example.org", "x\r\nBcc: ali@example.org", "x"},
		{"", "zoe@example.org", "x", "\r\n.\r\nMAIL FROM:<ali@example.org>\r\n"},
		{"a, ali@example.org", "zoe@example.org", "=?utf-8?q?x=0D=0ABcc:_ali?=", ".\n"},
		{`"\"`, "zoe@example.org", strings.Repeat("très long ", 40), strings.Repeat("a", 2000)},
		{"", "zoe@example.org", "x\u0085Bcc: ali@example.org", "x\rBcc: ali@example.org"},
	} {
		f.Add(s[0], s[1], s[2], s[3])
	}
	c := catch(f)
	sender, err := NewSMTP("smtp://"+c.addr, from, time.Now)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name, address, subject, text string) {
		m := Message{ID: StableID("k"), To: name + " <" + address + ">", Subject: subject, Text: text}
		to, err := check(m)
		if err != nil {
			if sender.Send(context.Background(), m) == nil {
				t.Fatalf("sent what was refused: %q", m)
			}
			return
		}
		before := len(c.caught())
		if err := sender.Send(context.Background(), m); err != nil {
			t.Fatalf("%q: %v", m, err)
		}
		got := c.caught()[before:]
		if len(got) != 1 || len(got[0].to) != 1 || got[0].to[0] != to.Address {
			t.Fatalf("%q became %+v", m, got)
		}
		parsed := got[0].parse(t)
		for field, values := range parsed.Header {
			if !strings.Contains(" From To Subject Date Message-Id Auto-Submitted Mime-Version Content-Type Content-Transfer-Encoding ", " "+field+" ") || len(values) != 1 {
				t.Fatalf("%q became a message with %s: %q", m, field, values)
			}
		}
		list, err := parsed.Header.AddressList("To")
		if err != nil || len(list) != 1 || *list[0] != (netmail.Address{Name: to.Name, Address: to.Address}) {
			t.Fatalf("%q: To: %v, %v", m, list, err)
		}
	})
}

func TestRefusedIsTold(t *testing.T) {
	t.Parallel()
	c := catch(t)
	c.refuse = []error{&smtp.SMTPError{Code: 554, Message: "no"}, &smtp.SMTPError{Code: 450, Message: "later"}}
	sender, err := NewSMTP("smtp://"+c.addr, from, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	m := Message{ID: StableID("k"), To: "zoe@example.org", Subject: "s", Text: "t"}
	if err := sender.Send(context.Background(), m); !errors.Is(err, Refused) {
		t.Errorf("554 gave %v", err)
	}
	if err := sender.Send(context.Background(), m); err == nil || errors.Is(err, Refused) {
		t.Errorf("450 gave %v", err)
	}
}
