package app

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/directory"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/joining"
	"github.com/passerelle/passerelle/internal/mail"
)

// joining wires the room of structures that arrive.
func (n notices) joining(cfg Config, s *store, people *identity.Service, calledOff agenda.Follow, log *slog.Logger) (*joining.Service, error) {
	options := joining.Options{Directory: directory.Off{}, People: people, Invite: n.invitation, Refused: n.joiningRefused, CalledOff: calledOff, Log: log}
	if cfg.CompanyDirectory != "" {
		search, err := directory.NewSearch(cfg.CompanyDirectory)
		if err != nil {
			return nil, fmt.Errorf("COMPANY_DIRECTORY: %w", err)
		}
		options.Directory = search
	}
	return joining.New(s.DB, options), nil
}

// invitation is the link that opens a structure's account.
func (n notices) invitation(ctx context.Context, tx *db.Tx, to, structure, token string) error {
	return mail.Enqueue(ctx, tx, "joining:"+mail.StableID(token), mail.Message{
		To:      to,
		Subject: n.words.Text("notice.joining.subject"),
		Text: n.words.Text("notice.joining.text", "structure", structure, "link", n.origin+"/join/"+token,
			"hours", int(joining.LinkLasts.Hours())),
	})
}

// joiningRefused tells why an account was closed.
func (n notices) joiningRefused(ctx context.Context, tx *db.Tx, o identity.Organisation, reason string) error {
	return tell(ctx, tx, fmt.Sprintf("joining:%d:refused", o.ID), mail.Message{
		To:      o.Email,
		Subject: n.words.Text("notice.joining.refused.subject", "structure", o.Name),
		Text:    n.words.Text("notice.joining.refused.text", "structure", o.Name, "reason", reason),
	})
}
