package campaigns_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

func good() campaigns.Rules {
	today := vouchers.DayOf(pgtest.Start)
	return campaigns.Rules{Name: " Premiers pas ", Face: 1000, BookletSize: 8, StartsOn: today, EndsOn: today.AddDays(120),
		ToleranceDays: 30, PriceCap: 4, Themes: []string{"everyday_tools", " "}, Communes: []string{"74010"}}
}

func TestAFunderDefinesACampaignAndNobodyElseSeesIt(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	ctx := t.Context()
	c, err := w.Campaigns.Define(ctx, w.Funder, good())
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "Premiers pas" || len(c.Themes) != 1 || c.LastDay() != c.EndsOn.AddDays(30) || c.Funder != w.Funder.Organisation {
		t.Errorf("%+v", c)
	}
	if seen, err := w.Campaigns.Open(ctx, w.Funder, c.ID); err != nil || seen.ID != c.ID {
		t.Errorf("its funder: %v", err)
	}
	if _, err := w.Campaigns.Open(ctx, w.Operator, c.ID); err != nil {
		t.Errorf("the operator: %v", err)
	}
	rival := w.Organisation(identity.Funder, "Mutuelle d'à côté")
	if _, err := w.Campaigns.Open(ctx, rival, c.ID); fault.Code(err) != "not_found" {
		t.Errorf("another funder: %v", err)
	}
	if list, err := w.Campaigns.List(ctx, rival); err != nil || len(list) != 0 {
		t.Errorf("another funder's list: %d, %v", len(list), err)
	}
	for who, actor := range map[string]identity.Actor{"a prescriber": w.Prescriber, "a structure": w.Structure.Actor, "the operator": w.Operator} {
		if _, err := w.Campaigns.Define(ctx, actor, good()); fault.Code(err) != "forbidden" {
			t.Errorf("%s: %v", who, err)
		}
	}
}

func TestEachRuleIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	for code, spoil := range map[string]func(*campaigns.Rules){
		"campaign_name_length":       func(r *campaigns.Rules) { r.Name = " x " },
		"face_value_out_of_range":    func(r *campaigns.Rules) { r.Face = 65536 },
		"booklet_size_out_of_range":  func(r *campaigns.Rules) { r.BookletSize = 101 },
		"campaign_ends_before_start": func(r *campaigns.Rules) { r.EndsOn = r.StartsOn },
		"campaign_in_the_past":       func(r *campaigns.Rules) { r.StartsOn -= 200; r.EndsOn = vouchers.DayOf(pgtest.Start) - 1 },
		"campaign_too_long":          func(r *campaigns.Rules) { r.EndsOn = r.StartsOn + 4096 },
		"tolerance_out_of_range":     func(r *campaigns.Rules) { r.ToleranceDays = 93 },
		"price_cap_out_of_range":     func(r *campaigns.Rules) { r.PriceCap = 0 },
		"accepted_labels_many":       func(r *campaigns.Rules) { r.Labels = slices.Repeat([]string{"x"}, 21) },
		"accepted_label_unknown":     func(r *campaigns.Rules) { r.Labels = slices.Repeat([]string{"x"}, 20) },
		"area_code_unknown":          func(r *campaigns.Rules) { r.Communes = []string{"99999"} },
		"area_part_of_commune":       func(r *campaigns.Rules) { r.Communes = []string{"69383"} },
	} {
		rules := good()
		spoil(&rules)
		if _, err := w.Campaigns.Define(t.Context(), w.Funder, rules); fault.Code(err) != code {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestTheSameKeyDefinesOneCampaign(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	before, err := w.Campaigns.List(t.Context(), w.Funder)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			ctx, _ := once.With(context.WithoutCancel(t.Context()), "one campaign, please")
			if _, err := w.Campaigns.Define(ctx, w.Funder, good()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	after, err := w.Campaigns.List(t.Context(), w.Funder)
	if err != nil || len(after) != len(before)+1 {
		t.Errorf("%d campaigns more, %v", len(after)-len(before), err)
	}
}
