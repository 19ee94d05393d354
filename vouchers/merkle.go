package vouchers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/bits"
	"slices"
)

// Digest is a SHA-256. In JSON it is 64 small hexadecimal digits.
type Digest [sha256.Size]byte

// String writes the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText writes the digest in hexadecimal.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote, and nothing else. It fails with ErrMalformed.
func (d *Digest) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(d) || hex.EncodeToString(raw) != string(text) {
		return fmt.Errorf("%w: digest", ErrMalformed)
	}
	*d = Digest(raw)
	return nil
}

// Leaves and nodes are hashed apart (RFC 6962 §2.1), so that no node passes for a leaf.
const (
	leafMark = 0x00
	nodeMark = 0x01
)

// LeafOf is the digest of one leaf.
func LeafOf(text []byte) Digest {
	return sha256.Sum256(append([]byte{leafMark}, text...))
}

func nodeOf(left, right Digest) Digest {
	var text [1 + 2*sha256.Size]byte
	text[0] = nodeMark
	copy(text[1:], left[:])
	copy(text[1+sha256.Size:], right[:])
	return sha256.Sum256(text[:])
}

// Tree is a Merkle tree of RFC 6962, with all its nodes.
type Tree struct {
	levels [][]Digest // the leaves, then the nodes over them, up to the root
}

// NewTree makes the tree over leaves.
func NewTree(leaves []Digest) Tree {
	t := Tree{[][]Digest{slices.Clone(leaves)}}
	for below := t.levels[0]; len(below) > 1; below = t.levels[len(t.levels)-1] {
		level := make([]Digest, 0, (len(below)+1)/2)
		for i := 0; i+1 < len(below); i += 2 {
			level = append(level, nodeOf(below[i], below[i+1]))
		}
		if len(below)%2 == 1 { // the last has no neighbour, and rises as it is
			level = append(level, below[len(below)-1])
		}
		t.levels = append(t.levels, level)
	}
	return t
}

// Root is the digest of the whole tree; that of the empty one is the digest of nothing.
func (t Tree) Root() Digest {
	if top := t.levels[len(t.levels)-1]; len(top) > 0 {
		return top[0]
	}
	return sha256.Sum256(nil)
}

// Path is the audit path of a leaf (RFC 6962 §2.1.1), the lowest neighbour first: what
// whoever has the leaf needs to compute the root. It fails with ErrRange.
func (t Tree) Path(index int) ([]Digest, error) {
	if index < 0 || index >= len(t.levels[0]) {
		return nil, fmt.Errorf("%w: leaf %d of %d", ErrRange, index, len(t.levels[0]))
	}
	path := []Digest{}
	for _, level := range t.levels {
		if neighbour := index ^ 1; neighbour < len(level) {
			path = append(path, level[neighbour])
		}
		index /= 2
	}
	return path, nil
}

// RootOf computes the root of a tree of count leaves from one of them, its index and its
// audit path (RFC 9162 §2.1.3.2). It fails with ErrMalformed where there is no such leaf or
// its path has another length.
func RootOf(leaf Digest, index, count int64, path []Digest) (Digest, error) {
	if index < 0 || index >= count || len(path) > bits.Len64(uint64(count)) {
		return Digest{}, fmt.Errorf("%w: leaf %d of %d", ErrMalformed, index, count)
	}
	root, last := leaf, count-1
	for _, neighbour := range path {
		if last == 0 {
			return Digest{}, fmt.Errorf("%w: audit path too long", ErrMalformed)
		}
		if index%2 == 1 || index == last {
			root = nodeOf(neighbour, root)
			for index%2 == 0 && index != 0 { // levels on which the node rose as it is
				index, last = index/2, last/2
			}
		} else {
			root = nodeOf(root, neighbour)
		}
		index, last = index/2, last/2
	}
	if last != 0 {
		return Digest{}, fmt.Errorf("%w: audit path too short", ErrMalformed)
	}
	return root, nil
}
