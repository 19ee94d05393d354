package faults_test

import (
	"bytes"
	"context"
	"slices"

	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/settlement"
)

// step is one thing that the operator's people do at an instance.
type step struct {
	name string
	what string // it is about, for the story
	do   func(ctx context.Context, at *instance, who identity.Actor) error
	done []string         // faults that say that somebody has done it already, or something else
	by   []identity.Actor // who may
	now  func() bool      // whether it is done; nil: the bank's letters say so
}

func (p *paying) closes() step {
	return step{name: "close", by: p.staff, done: []string{"nothing_to_settle"}, now: func() bool { return p.due() == 0 },
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			closed, err := at.settlement.Close(ctx, who, settlement.CloseRequest{})
			return p.same(ctx, closed, err)
		}}
}

func (p *paying) approves(s settlement.Settlement) step {
	others := slices.DeleteFunc(slices.Clone(p.staff), func(a identity.Actor) bool { return a.Person == s.ClosedBy })
	return step{name: "approve", what: s.MessageID, by: others, done: []string{"settlement_decided"},
		now: func() bool { return p.opened(s).ApprovedAt != nil },
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			approved, err := at.settlement.Approve(ctx, who, settlement.ApproveRequest{ID: s.ID, SHA256: s.SHA256})
			return p.same(ctx, approved, err)
		}}
}

func (p *paying) cancels(s settlement.Settlement) step {
	return step{name: "cancel", what: s.MessageID, by: p.staff, done: []string{"settlement_decided"},
		now: func() bool { return p.opened(s).State == settlement.Cancelled },
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			cancelled, err := at.settlement.Cancel(ctx, who, s.ID, "Mauvais jour")
			return p.same(ctx, cancelled, err)
		}}
}

// fetches a file. Its bytes have left once they were answered.
func (p *paying) fetches(s settlement.Settlement) step {
	return step{name: "file", what: s.MessageID, by: p.staff, done: []string{"settlement_unapproved"},
		now: func() bool { return p.opened(s).TakenAt != nil && p.left[s.MessageID] != nil },
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			var file bytes.Buffer
			_, err := at.settlement.File(ctx, who, s.ID, 0, &file)
			if err != nil && file.Len() > 0 {
				p.t.Errorf("%d bytes of %s left, and then: %v", file.Len(), s.MessageID, err)
			}
			if file.Len() > 0 {
				p.leaves(s.MessageID, file.Bytes())
			}
			return err
		}}
}

// same wants each answer to a key to be the first one.
func (p *paying) same(ctx context.Context, s settlement.Settlement, err error) error {
	token := once.From(ctx)
	if err != nil || token == nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if before, there := p.answered[token.Key]; there && (before.ID != s.ID || before.SHA256 != s.SHA256 || before.State != s.State) {
		p.t.Errorf("%s: first %+v, then %+v", token.Key, before, s)
	}
	p.answered[token.Key] = s
	return nil
}

// leaves notes a file that left the house: always the same one under a name.
func (p *paying) leaves(message string, file []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if before, there := p.left[message]; there && !bytes.Equal(before, file) {
		p.t.Errorf("%s left as two files", message)
	}
	p.left[message] = file
}

func (p *paying) sends(s settlement.Settlement) step {
	return step{name: "send", what: s.MessageID, by: p.staff, now: func() bool { return p.opened(s).SentAt != nil },
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			sent, err := at.settlement.Send(ctx, who, s.ID)
			return p.same(ctx, sent, err)
		}}
}

func (p *paying) hears(l letter, what string) step {
	return step{name: "answer", what: what, by: p.staff,
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			_, err := at.answers.Import(ctx, who, bytes.NewReader(l.body))
			return err
		}}
}

func (p *paying) imports(l letter, what string) step {
	return step{name: "statement", what: what, by: p.staff,
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			_, err := at.statements.Import(ctx, who, bytes.NewReader(l.body), nil)
			return err
		}}
}
