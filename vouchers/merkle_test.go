package vouchers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The leaves, roots and paths that the authors of RFC 6962 test their own program with
// (certificate-transparency, merkle_tree_test.cc).
var (
	rfcLeaves = []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	rfcRoots  = []string{
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	rfcPaths = []struct {
		index, count int
		path         []string
	}{
		{0, 1, nil},
		{0, 8, []string{"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
		{5, 8, []string{"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
		{2, 3, []string{"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
		{1, 5, []string{"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
	}
)

func TestTreesAreThoseOfTheStandard(t *testing.T) {
	t.Parallel()
	var leaves []Digest
	for i, text := range rfcLeaves {
		raw, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, LeafOf(raw))
		if root := NewTree(leaves).Root().String(); root != rfcRoots[i] {
			t.Errorf("%d leaves: root %s, want %s", i+1, root, rfcRoots[i])
		}
	}
	for _, want := range rfcPaths {
		path, err := NewTree(leaves[:want.count]).Path(want.index)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range path {
			got = append(got, d.String())
		}
		if !slices.Equal(got, want.path) {
			t.Errorf("path of leaf %d of %d: %v, want %v", want.index, want.count, got, want.path)
		}
	}
	if NewTree(nil).Root() != Digest(sha256.Sum256(nil)) {
		t.Error("the root of the empty tree is not the digest of nothing")
	}
}

func TestEveryLeafIsProvenAndNoOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 300).Draw(t, "leaves")
		leaves := make([]Digest, count)
		for i := range leaves {
			leaves[i] = LeafOf(fmt.Append(nil, i))
		}
		tree := NewTree(leaves)
		index := rapid.IntRange(0, count-1).Draw(t, "index")
		path, err := tree.Path(index)
		if err != nil {
			t.Fatal(err)
		}
		proves := func(leaf Digest, index, count int, path []Digest) bool {
			root, err := RootOf(leaf, int64(index), int64(count), path)
			return err == nil && root == tree.Root()
		}
		if !proves(leaves[index], index, count, path) {
			t.Fatalf("leaf %d of %d is not proven", index, count)
		}
		other := rapid.IntRange(0, count-1).Draw(t, "other")
		if other != index && (proves(leaves[other], index, count, path) || proves(leaves[index], other, count, path)) {
			t.Fatalf("leaf %d of %d passes for leaf %d", index, count, other)
		}
		if proves(leaves[index], index, count, append(slices.Clone(path), Digest{})) || len(path) > 0 && proves(leaves[index], index, count, path[1:]) {
			t.Fatal("a path of another length is taken")
		}
		if at := rapid.IntRange(0, len(path)).Draw(t, "changed"); at < len(path) {
			path[at][rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1
			if proves(leaves[index], index, count, path) {
				t.Fatal("a changed path is taken")
			}
		}
	})
}

func TestAChangedLeafChangesTheRoot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		leaves := make([]Digest, rapid.IntRange(1, 100).Draw(t, "leaves"))
		before := NewTree(leaves).Root()
		leaves[rapid.IntRange(0, len(leaves)-1).Draw(t, "index")][0] ^= 1
		if NewTree(leaves).Root() == before || NewTree(append(leaves, Digest{})).Root() == before {
			t.Fatal("two lists of leaves have one root")
		}
	})
}

func TestADigestIsReadInOneWay(t *testing.T) {
	t.Parallel()
	d := LeafOf(nil)
	var read Digest
	if err := read.UnmarshalText([]byte(d.String())); err != nil || read != d {
		t.Errorf("read as %s, %v", read, err)
	}
	for _, text := range []string{"", "6E" + d.String()[2:], d.String()[2:], d.String() + "00", "zz" + d.String()[2:]} {
		if read.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q was read", text)
		}
	}
}
