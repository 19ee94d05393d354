package faults_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// cutter stands between a node and PostgreSQL and speaks its protocol (version 3.0). It
// lets a statement through, waits until the server has done it, swallows the answer and
// cuts the line: the node cannot know what became of its statement.
type cutter struct {
	network, server string

	mu   sync.Mutex
	left int      // answers still to swallow; each cuts one line
	of   []string // what the statements hold whose answers are swallowed
	cuts int
	ends []io.Closer

	crash   crash
	asked   []string // the statements since the crash was prepared, up to it
	counted int      // of them, those among which the crash is one
	fired   bool
	dead    bool // no line goes through any more
}

// crash says at which statement, or at which COMMIT, from 1, something ends; 0 is none.
// Before: the server never hears of it; otherwise it does it, and its answer is lost. Either
// its line alone is cut, or the node dies: then nothing gets through any more.
type crash struct {
	at                   int
	commit, before, line bool
}

// prepare lets lines through again, and has a crash happen on them.
func (c *cutter) prepare(next crash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.crash, c.asked, c.counted, c.fired, c.dead = next, nil, 0, false, false
}

// happened tells what was asked of the server since then, up to the crash if it came.
func (c *cutter) happened() (asked []string, fired bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked), c.fired
}

// cut puts a cutter before the database at address and gives the address through it.
func cut(t testing.TB, address string) (*cutter, string) {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	c := &cutter{network: "tcp", server: u.Host}
	q := u.Query()
	if folder := q.Get("host"); folder != "" {
		c.network, c.server = "unix", folder+"/.s.PGSQL.5432"
		q.Del("host")
	}
	q.Set("sslmode", "disable")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	u.Host, u.RawQuery = listener.Addr().String(), q.Encode()
	var lines sync.WaitGroup
	lines.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			lines.Go(func() { c.line(client) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		c.closeAll()
		lines.Wait()
	})
	return c, u.String()
}

// swallow arms the cutter for the next n answers to statements that hold one of texts.
func (c *cutter) swallow(n int, texts ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.of = n, texts
}

func (c *cutter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts
}

// fate is what becomes of a statement.
type fate int

const (
	passes    fate = iota
	swallowed      // it is done, and its answer is lost
	lost           // the server never hears of it
)

// takes says what is to become of this statement.
func (c *cutter) takes(statement string) fate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.fired {
		c.asked = append(c.asked, statement)
		if !c.crash.commit || isCommit(statement) {
			c.counted++
		}
		if c.fired = c.counted == c.crash.at && c.counted > 0; c.fired && c.crash.before {
			return lost
		} else if c.fired {
			return swallowed
		}
	}
	for _, text := range c.of {
		if c.left > 0 && strings.Contains(statement, text) {
			c.left--
			return swallowed
		}
	}
	return passes
}

// ended notes that a line was cut. Where the node dies of it, all its lines end.
func (c *cutter) ended() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cuts++
	if c.fired && !c.crash.line {
		c.dead = true
		for _, end := range c.ends {
			end.Close()
		}
		c.ends = nil
	}
}

// keep remembers the ends of a line, unless none may be opened any more.
func (c *cutter) keep(ends ...io.Closer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dead {
		c.ends = append(c.ends, ends...)
	}
	return !c.dead
}

func (c *cutter) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, end := range c.ends {
		end.Close()
	}
}

// line carries one connection.
func (c *cutter) line(client net.Conn) {
	defer client.Close()
	server, err := net.Dial(c.network, c.server)
	if err != nil {
		return
	}
	defer server.Close()
	if !c.keep(client, server) {
		return
	}
	var swallow atomic.Bool
	var asking sync.WaitGroup
	asking.Go(func() {
		c.requests(client, server, &swallow)
		server.Close()
	})
	c.answers(server, client, &swallow)
	client.Close()
	asking.Wait()
}

// requests carries the client's messages and watches for the statements to cut.
func (c *cutter) requests(client, server net.Conn, swallow *atomic.Bool) {
	prepared := map[string]string{} // name → statement
	for first := true; ; first = false {
		kind, whole, body, err := message(client, first)
		if err != nil {
			return
		}
		var statement string
		switch kind {
		case 'P': // Parse: name, statement
			name, rest, _ := strings.Cut(body, "\x00")
			prepared[name], _, _ = strings.Cut(rest, "\x00")
		case 'B': // Bind: portal, name
			_, rest, _ := strings.Cut(body, "\x00")
			name, _, _ := strings.Cut(rest, "\x00")
			statement = prepared[name]
		case 'Q':
			statement = strings.TrimSuffix(body, "\x00")
		}
		if statement != "" {
			switch c.takes(statement) {
			case swallowed:
				swallow.Store(true)
			case lost:
				c.ended()
				return
			}
		}
		if _, err := server.Write(whole); err != nil {
			return
		}
	}
}

// answers carries the server's messages. Z, ready for query, says that the server is done.
func (c *cutter) answers(server, client net.Conn, swallow *atomic.Bool) {
	for {
		kind, whole, _, err := message(server, false)
		if err != nil {
			return
		}
		if !swallow.Load() {
			if _, err := client.Write(whole); err != nil {
				return
			}
			continue
		}
		if kind == 'Z' {
			c.ended()
			return
		}
	}
}

// message reads one message: a byte for its kind (which the very first one lacks), its
// length with itself, its body.
func message(from io.Reader, first bool) (kind byte, whole []byte, body string, err error) {
	head := make([]byte, 5)
	if first {
		head = head[1:]
	}
	if _, err := io.ReadFull(from, head); err != nil {
		return 0, nil, "", err
	}
	length := binary.BigEndian.Uint32(head[len(head)-4:])
	rest := make([]byte, length-4)
	if _, err := io.ReadFull(from, rest); err != nil {
		return 0, nil, "", err
	}
	if !first {
		kind = head[0]
	}
	return kind, append(head, rest...), string(rest), nil
}
