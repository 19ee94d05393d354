package search

import (
	"context"
	_ "embed"
	"encoding/csv"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/territory"
)

// Judged is a question and what a good answer to it is.
type Judged struct {
	Query   string
	Commune string   // INSEE code of where it asks for; "": nowhere
	Want    []string // one of these: a theme, "name:" and a part of a place's name, "kind:" and a code, or "any"
	Held    bool     // kept apart: nothing was tuned on it
}

// judgedFile is written by hand: questions as people ask them, with their slips.
//
//go:embed testdata/judged.csv
var judgedFile string

// JudgedSet reads the judged questions. Every third is held out.
func JudgedSet() ([]Judged, error) {
	r := csv.NewReader(strings.NewReader(judgedFile))
	r.Comma, r.LazyQuotes = ';', true
	rows, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	var all []Judged
	for i, row := range rows[1:] {
		all = append(all, Judged{row[0], row[1], strings.Split(row[2], "|"), i%3 == 2})
	}
	return all, nil
}

// Answers reports whether a place answers the question.
func (j Judged) Answers(h Hit) bool {
	name := territory.Fold(h.Name)
	return slices.ContainsFunc(j.Want, func(want string) bool {
		if part, ok := strings.CutPrefix(want, "name:"); ok {
			return strings.Contains(name, part)
		}
		if kind, ok := strings.CutPrefix(want, "kind:"); ok {
			return slices.Contains(h.Kinds, kind)
		}
		return want == "any" || h.Does(want)
	})
}

// Score is how well judged questions are answered.
type Score struct {
	Questions int      `json:"questions"`
	Success5  float64  `json:"success_at_5"` // share with a good answer among the first five
	MRR       float64  `json:"mrr"`          // mean of 1 / rank of the first good answer
	Silent    int      `json:"silent"`       // questions without any answer
	Wrong     []string `json:"wrong,omitempty"`
	Held      *Score   `json:"held_out,omitempty"` // the questions that nothing was tuned on
}

// Judge asks all judged questions. A question that says where is answered only by places
// looked for from there.
func Judge(ctx context.Context, room *Service) (Score, error) {
	all, err := JudgedSet()
	if err != nil {
		return Score{}, err
	}
	score := Score{Held: &Score{}}
	for _, j := range all {
		f, err := room.Find(ctx, identity.Actor{}, Request{Query: j.Query})
		if err != nil {
			return Score{}, err
		}
		rank := j.rank(f)
		score.add(j, f, rank)
		if j.Held {
			score.Held.add(j, f, rank)
		}
	}
	for _, s := range []*Score{&score, score.Held} {
		s.Success5, s.MRR = s.Success5/float64(s.Questions), s.MRR/float64(s.Questions)
	}
	return score, nil
}

// rank is where the first good answer stands, from 1; 0: there is none on the page.
func (j Judged) rank(f Found) int {
	if j.Commune != "" && (f.Commune == nil || f.Commune.INSEE != j.Commune) {
		return 0
	}
	return 1 + slices.IndexFunc(f.Hits, j.Answers)
}

func (s *Score) add(j Judged, f Found, rank int) {
	s.Questions++
	if len(f.Hits) == 0 {
		s.Silent++
	}
	if rank > 0 {
		s.MRR += 1 / float64(rank)
	}
	if rank > 0 && rank <= 5 {
		s.Success5++
	} else {
		s.Wrong = append(s.Wrong, j.Query)
	}
}
