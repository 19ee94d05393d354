package redemption_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// thief stands between a node and PostgreSQL. Once armed it lets the server do its work
// for a number of answers, then swallows one and cuts the line: the client cannot know
// whether its last statement, or its COMMIT, was done.
type thief struct {
	listener net.Listener
	network  string
	server   string

	mu     sync.Mutex
	left   int // answers to let pass before one is stolen; below 0 none is
	thefts int
	lines  map[net.Conn]net.Conn
}

// steal puts a thief before the database at address and gives the address that leads
// through it.
func steal(t testing.TB, address string) (*thief, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	th := &thief{listener: listener, network: "tcp", server: u.Host, left: -1, lines: map[net.Conn]net.Conn{}}
	q := u.Query()
	if host := q.Get("host"); host != "" { // the folder of a Unix socket
		port := q.Get("port")
		if port == "" {
			port = "5432"
		}
		th.network, th.server = "unix", host+"/.s.PGSQL."+port
		q.Del("host")
		q.Del("port")
	}
	q.Set("sslmode", "disable")
	u.Host, u.RawQuery = listener.Addr().String(), q.Encode()
	var serving sync.WaitGroup
	serving.Go(func() { th.serve(&serving) })
	t.Cleanup(func() {
		listener.Close()
		th.cutAll()
		serving.Wait()
	})
	return th, u.String()
}

// arm lets n answers pass and steals the next one.
func (th *thief) arm(n int) {
	th.mu.Lock()
	defer th.mu.Unlock()
	th.left = n
}

// disarm lets everything pass and tells how many answers were stolen so far.
func (th *thief) disarm() int {
	th.mu.Lock()
	defer th.mu.Unlock()
	th.left = -1
	return th.thefts
}

func (th *thief) cutAll() {
	th.mu.Lock()
	defer th.mu.Unlock()
	for client, server := range th.lines {
		client.Close()
		server.Close()
	}
}

func (th *thief) serve(serving *sync.WaitGroup) {
	for {
		client, err := th.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(th.network, th.server)
		if err != nil {
			client.Close()
			continue
		}
		th.mu.Lock()
		th.lines[client] = server
		th.mu.Unlock()
		serving.Go(func() {
			io.Copy(server, client)
			server.Close()
		})
		serving.Go(func() {
			th.answers(client, server)
			client.Close()
			server.Close()
			th.mu.Lock()
			delete(th.lines, client)
			th.mu.Unlock()
		})
	}
}

var errStolen = errors.New("stolen")

// answers passes the server's messages on, one by one: a type byte and a length (protocol
// 3.0). A message of type Z, ready for query, ends an answer; what led to it is held back
// until it is known whether the answer is stolen.
func (th *thief) answers(client, server net.Conn) error {
	var answer []byte
	for {
		var head [5]byte
		if _, err := io.ReadFull(server, head[:]); err != nil {
			return err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(server, body); err != nil {
			return err
		}
		answer = append(append(answer, head[:]...), body...)
		if head[0] == 'Z' && th.takes() {
			return errStolen
		}
		if head[0] == 'Z' || head[0] == 'R' || head[0] == '1' || head[0] == 't' {
			if _, err := client.Write(answer); err != nil {
				return err
			}
			answer = nil
		}
	}
}

func (th *thief) takes() bool {
	th.mu.Lock()
	defer th.mu.Unlock()
	if th.left < 0 {
		return false
	}
	th.left--
	if th.left >= 0 {
		return false
	}
	th.thefts++
	return true
}
