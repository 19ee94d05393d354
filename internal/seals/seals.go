// Package seals makes the ledger's past provable to outsiders: once an hour the lines since
// the last seal become a Merkle tree, whose root is signed, chained to the seal before and
// published. A funder or a structure takes away, for each line of its own, a file that
// proves the line with the published key alone, and shows nothing of anybody else's.
package seals

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to fetch proofs.
const Scope = "reports"

// sealMost is how many lines a seal has at most, so that a proof is made from memory; what
// is more goes into the next one.
const sealMost = 1 << 16

// ProofsMost is how many proofs are given at once.
const ProofsMost = 500

// Service is the use cases of seals.
type Service struct {
	db   *db.DB
	keys *vouchers.Keyring
	most int // sealMost, fewer in tests
}

// New makes the service; keys sign.
func New(d *db.DB, keys *vouchers.Keyring) *Service { return &Service{d, keys, sealMost} }

// Seal seals what the ledger has rolled up since the last seal: below its watermark every
// line is committed or will never be. Nothing new makes no seal.
func (s *Service) Seal(ctx context.Context) error {
	for {
		full := false
		err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
			full, err = s.next(ctx, tx)
			return err
		})
		if err != nil || !full {
			return err
		}
	}
}

// next makes one seal, and says whether there may be enough for another one.
func (s *Service) next(ctx context.Context, tx *db.Tx) (full bool, err error) {
	if err := lock(ctx, tx); err != nil {
		return false, err
	}
	last, err := list(ctx, tx, before, 1)
	if err != nil {
		return false, err
	}
	seal := vouchers.LedgerSeal{Number: 1, From: 1, SealedAt: vouchers.Instant(tx.Now.Truncate(time.Microsecond))}
	if len(last) > 0 {
		seal.Number, seal.From, seal.Previous = last[0].Number+1, last[0].To+1, last[0].Digest()
	}
	if seal.To, err = rolledUpTo(ctx, tx); err != nil {
		return false, err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails: the program stops if there is no randomness
	lines, err := read(ctx, tx, seal.From, seal.To, s.most, secret, identity.Actor{})
	if err != nil || len(lines) == 0 {
		return false, err
	}
	if full = len(lines) == s.most; full {
		seal.To = lines[len(lines)-1].Transfer
	}
	seal.Count, seal.Root = int64(len(lines)), treeOf(lines).Root()
	return full, insert(ctx, tx, s.keys.Sealed(seal), secret)
}

// List reads seals before a number, the latest first; before 0, the latest. They are public.
func (s *Service) List(ctx context.Context, _ identity.Actor, number int64, most int) ([]vouchers.LedgerSeal, error) {
	var all []vouchers.LedgerSeal
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if number <= 0 {
			number = before
		}
		all, err = list(ctx, tx, number, most)
		return err
	})
	return all, err
}

// Key is the public key that seals are signed with now.
func (s *Service) Key() vouchers.PublicKey { return s.keys.SealKey() }

// Proof proves one line of the actor's.
func (s *Service) Proof(ctx context.Context, actor identity.Actor, transfer int64) (vouchers.Proof, error) {
	if err := mayProve(actor); err != nil {
		return vouchers.Proof{}, err
	}
	var proof vouchers.Proof
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		if err := needsOwn(ctx, tx, actor, transfer); err != nil {
			return err
		}
		number, err := sealOf(ctx, tx, transfer)
		if err != nil {
			return err
		}
		proofs, _, err := prove(ctx, tx, actor, number, transfer-1, 1)
		if err == nil {
			proof = proofs[0]
		}
		return err
	})
	return proof, err
}

// Proofs proves the actor's lines of a seal that come after a transfer, ProofsMost of them.
// next is the transfer after which there are more, 0 where there are none.
func (s *Service) Proofs(ctx context.Context, actor identity.Actor, number, after int64) (proofs []vouchers.Proof, next int64, err error) {
	if err := mayProve(actor); err != nil {
		return nil, 0, err
	}
	if number < 1 {
		return nil, 0, fault.New(fault.Invalid, "invalid_input", "field", "seal")
	}
	if after < 0 {
		return nil, 0, fault.New(fault.Invalid, "invalid_input", "field", "after")
	}
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) {
		proofs, next, err = prove(ctx, tx, actor, number, after, ProofsMost)
		return err
	})
	return proofs, next, err
}

func mayProve(actor identity.Actor) error {
	if err := actor.NeedsAny(identity.Funder, identity.Structure, identity.Operator); err != nil {
		return err
	}
	return actor.NeedsScope(Scope)
}

// prove makes the proofs of the actor's lines of one seal after a transfer.
func prove(ctx context.Context, tx *db.Tx, actor identity.Actor, number, after int64, most int) (proofs []vouchers.Proof, next int64, err error) {
	seal, secret, err := get(ctx, tx, number)
	if err != nil {
		return nil, 0, err
	}
	lines, err := read(ctx, tx, seal.From, seal.To, int(seal.Count)+1, secret, actor)
	if err != nil {
		return nil, 0, err
	}
	tree := treeOf(lines)
	proofs = []vouchers.Proof{}
	for i, l := range lines {
		if !l.own || l.Transfer <= after {
			continue
		}
		if len(proofs) == most {
			return proofs, proofs[most-1].Line.Transfer, nil
		}
		path, err := tree.Path(i)
		if err != nil {
			return nil, 0, err
		}
		proofs = append(proofs, vouchers.NewProof(l.LedgerLine, i, path, seal))
	}
	return proofs, 0, nil
}

// line is one transfer, and whether it is the actor's.
type line struct {
	vouchers.LedgerLine
	own bool
}

func treeOf(lines []line) vouchers.Tree {
	leaves := make([]vouchers.Digest, len(lines))
	for i, l := range lines {
		leaves[i] = l.Leaf()
	}
	return vouchers.NewTree(leaves)
}
