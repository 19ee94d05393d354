package mail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Outbox keeps messages in a folder, one .eml file each, where there is no mail server:
// on a developer's machine and in the demonstration.
type Outbox struct {
	dir  string
	from *netmail.Address
	now  func() time.Time
	mu   sync.Mutex // so that an ID is looked for and written as one
}

// Entry is one message of an outbox.
type Entry struct {
	ID string    // the message's stable ID
	At time.Time // when it was written, to the millisecond
}

// ErrNoMessage says that an outbox does not hold the message.
var ErrNoMessage = errors.New("mail: no such message")

// NewOutbox opens a folder, and makes it if need be, readable by its owner only.
func NewOutbox(dir, from string, now func() time.Time) (*Outbox, error) {
	sender, err := parseAddress(from)
	if err != nil {
		return nil, fmt.Errorf("the sender's address %q: %w", from, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &Outbox{dir: dir, from: sender, now: now}, nil
}

const (
	stampLayout = "20060102T150405.000Z"
	suffix      = ".eml"
)

// Send writes m as a file, whole or not at all. A message whose ID is already there is
// not written again.
func (o *Outbox) Send(_ context.Context, m Message) error {
	at := o.now().UTC()
	msg, err := compose(m, o.from, at)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.find(m.ID); !errors.Is(err, ErrNoMessage) {
		return err
	}
	temporary, err := os.CreateTemp(o.dir, ".writing-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // gone already when all went well
	_, err = msg.WriteTo(temporary)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), filepath.Join(o.dir, at.Format(stampLayout)+"-"+m.ID+suffix))
}

// List gives the messages, newest first.
func (o *Outbox) List() ([]Entry, error) {
	files, err := os.ReadDir(o.dir)
	if err != nil {
		return nil, err
	}
	var list []Entry
	for _, f := range files {
		if e, ok := entryOf(f.Name()); ok {
			list = append(list, e)
		}
	}
	slices.Reverse(list)
	return list, nil
}

// Read gives the message as it would go out, headers and all.
func (o *Outbox) Read(id string) ([]byte, error) {
	name, err := o.find(id)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(o.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoMessage
	}
	return data, err
}

// find compares names and never makes a path of id, which may come from a URL.
func (o *Outbox) find(id string) (string, error) {
	files, err := os.ReadDir(o.dir)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		if e, ok := entryOf(f.Name()); ok && e.ID == id {
			return f.Name(), nil
		}
	}
	return "", ErrNoMessage
}

func entryOf(name string) (Entry, bool) {
	stamp, id, found := strings.Cut(strings.TrimSuffix(name, suffix), "-")
	at, err := time.Parse(stampLayout, stamp)
	return Entry{ID: id, At: at}, found && err == nil && strings.HasSuffix(name, suffix)
}
