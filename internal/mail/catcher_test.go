package mail

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"
)

// The pool that stays open for the whole test program is pgtest's own.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

// envelope is one message as a mail server got it.
type envelope struct {
	from string
	to   []string
	data string
	tls  bool
	user string
}

func (e envelope) parse(t *testing.T) *netmail.Message {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(e.data))
	if err != nil {
		t.Fatalf("%v in %q", err, e.data)
	}
	return m
}

// catcher is a mail server that keeps what it gets, and misbehaves when told to.
type catcher struct {
	addr   string
	server *smtp.Server

	mu     sync.Mutex
	got    []envelope
	refuse []error // answers to the next recipients, in turn
	drop   string  // the step at which the next connection breaks
}

// catch starts a mail server on this machine; configure may change it first.
func catch(t testing.TB, configure ...func(*smtp.Server)) *catcher {
	t.Helper()
	c := &catcher{}
	c.server = smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) {
		return &session{c: c, conn: conn}, nil
	}))
	c.server.AllowInsecureAuth = true
	c.server.ErrorLog = silence{}
	for _, f := range configure {
		f(c.server)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.addr = l.Addr().String()
	var serving sync.WaitGroup
	serving.Go(func() { _ = c.server.Serve(&dropping{l, c}) })
	t.Cleanup(func() { c.server.Close(); serving.Wait() })
	return c
}

func (c *catcher) caught() []envelope {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]envelope(nil), c.got...)
}

// drops reports whether to break here, and does so once.
func (c *catcher) drops(step string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drop != step {
		return false
	}
	c.drop = ""
	return true
}

func (c *catcher) dropAt(step string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop = step
}

func (c *catcher) dropped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.drop == ""
}

type silence struct{}

func (silence) Printf(string, ...any) {}
func (silence) Println(...any)        {}

// dropping breaks connections when the client's next command is the step.
type dropping struct {
	net.Listener
	c *catcher
}

func (d *dropping) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if err == nil && d.c.drops("greeting") {
		conn.Close()
	}
	return &droppingConn{conn, d.c}, err
}

type droppingConn struct {
	net.Conn
	c *catcher
}

func (d *droppingConn) Read(p []byte) (int, error) {
	n, err := d.Conn.Read(p)
	if verb, _, _ := bytes.Cut(p[:n], []byte(" ")); d.c.drops(strings.TrimSpace(string(verb))) {
		d.Conn.Close()
		return 0, io.EOF
	}
	return n, err
}

// session takes one client's messages.
type session struct {
	c    *catcher
	conn *smtp.Conn
	e    envelope
	user string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "passerelle" || password != "p@ss/word" {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	_, secure := s.conn.TLSConnectionState()
	s.e = envelope{from: from, tls: secure, user: s.user}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if len(s.c.refuse) > 0 {
		err := s.c.refuse[0]
		s.c.refuse = s.c.refuse[1:]
		return err
	}
	s.e.to = append(s.e.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	if s.c.drops("body") {
		s.conn.Conn().Close()
		return errors.New("broken off")
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.e.data = string(data)
	s.c.mu.Lock()
	s.c.got = append(s.c.got, s.e)
	s.c.mu.Unlock()
	if s.c.drops("answer") {
		s.conn.Conn().Close()
	}
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// certified gives a server with a certificate for 127.0.0.1 that the test trusts.
func certified(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	return s
}
