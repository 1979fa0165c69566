package plan_test

import (
	"math"
	"testing"
	"time"

	"tokenmeter/internal/plan"
	"tokenmeter/internal/usage"
)

func TestKeyed(t *testing.T) {
	for model, want := range map[string]bool{
		"claude-opus-5-5": false, "claude-sonnet-4-5-20250929": false, "claude-opus-5-5[1m]": false, "gpt-6.1-sol": false, "": false,
		"openai/gpt-6": false, "anthropic/claude-opus-4.8": false, "my-anthropic-model": false,
		"us.anthropic.claude-sonnet-4-5-20250929-v1:0": true, "anthropic.claude-3-5-haiku-20241022-v1:0": true, "EU.Anthropic.claude-opus-4-8": true,
		"arn:aws:bedrock:us-east-1:1:inference-profile/x": true, "bedrock/anthropic.claude-x": true, "claude-sonnet-4-5@20250929": true, "vertex_ai/claude-opus-4-8": true,
	} {
		if got := plan.Keyed(model); got != want {
			t.Errorf("%q: %v", model, got)
		}
	}
}

func TestShare(t *testing.T) {
	use := func(model, session, project string, cost usage.Micros) plan.Use {
		return plan.Use{Model: model, Session: session, Project: project, Counts: usage.Counts{Requests: 1, Cost: cost, PricedRequests: 1}}
	}
	h := &plan.Held{Chosen: plan.Chosen{Keyed: []string{"/w/client"}}}
	uses := []plan.Use{
		use("opus", "s1", "/w/a", 1), use("opus", "s2", "/w/a", 10), use("opus", "s1", "/w/client", 100),
		use("us.anthropic.claude-opus-v1:0", "s1", "/w/a", 1000), use("opus", "s1", "/w/client/b", 10_000),
	}
	for name, c := range map[string]struct {
		told                map[string]bool
		plan, keyed, untold usage.Micros
	}{
		"the logs never tell":        {nil, 10_011, 1100, 0},
		"they tell of one session":   {map[string]bool{"s1": true}, 10_001, 1100, 10},
		"they tell of another's":     {map[string]bool{"s9": true}, 0, 1100, 10_011},
		"they tell of both sessions": {map[string]bool{"s1": true, "s2": true}, 10_011, 1100, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := h.Share(uses, c.told)
			if s.Plan.Cost != c.plan || s.Keyed.Cost != c.keyed || s.Untold.Cost != c.untold || s.Certain != (len(c.told) > 0) {
				t.Errorf("got %+v", s)
			}
			if n := s.Plan.Requests + s.Keyed.Requests + s.Untold.Requests; n != int64(len(uses)) {
				t.Errorf("%d requests of %d", n, len(uses))
			}
		})
	}
}

func TestMultiple(t *testing.T) {
	for name, c := range map[string]struct {
		value, fee usage.Micros
		want       int64
		ok         bool
	}{
		"six times and a half":   {130_000_000, 20_000_000, 6500, true},
		"rounded down":           {19_999_999, 20_000_000, 999, true},
		"nothing used":           {0, 20_000_000, 0, true},
		"no fee":                 {5, 0, 0, false},
		"more than fits in half": {math.MaxInt64 / 2, 1_000_000_000_000_000_000, 4611, true},
		"beyond all bounds":      {math.MaxInt64, 1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := plan.Multiple(c.value, c.fee); ok != c.ok || ok && got != c.want {
				t.Errorf("got %d, %v", got, ok)
			}
		})
	}
}

func TestPoints(t *testing.T) {
	for name, c := range map[string]struct {
		value usage.Micros
		rise  float64
		want  usage.Micros
		ok    bool
	}{
		"forty dollars for 80 points": {40_000_000, 80, 500_000, true},
		"a fraction of a point":       {1_000_000, 12.5, 80_000, true},
		"too small a rise to divide":  {1_000_000, 4.9, 0, false},
		"no rise":                     {1_000_000, 0, 0, false},
		"no number":                   {1_000_000, math.NaN(), 0, false},
		"used elsewhere":              {0, 50, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := plan.PointWorth(c.value, plan.Thousandths(c.rise))
			if got != c.want || ok != c.ok {
				t.Errorf("got %d, %v", got, ok)
			}
		})
	}
	if got := plan.PointsWorth(500_000, 37_500); got != 18_750_000 {
		t.Errorf("37.5 points of $0.50 are %d", got)
	}
}

func TestInstance(t *testing.T) {
	const hour = usage.Millis(3_600_000)
	for name, c := range map[string]struct {
		window  plan.Instance
		unused  int64
		blocked time.Duration
	}{
		"some was left":         {plan.Instance{Start: 0, Reset: 168 * hour, Peak: 62.5}, 37_500, 0},
		"full for six hours":    {plan.Instance{Reset: 168 * hour, Peak: 100, FullAt: 162 * hour}, 0, 6 * time.Hour},
		"over a hundred":        {plan.Instance{Reset: 168 * hour, Peak: 104, FullAt: 167 * hour}, 0, time.Hour},
		"full at the reset":     {plan.Instance{Reset: 168 * hour, Peak: 100, FullAt: 168 * hour}, 0, 0},
		"full after its reset?": {plan.Instance{Reset: 168 * hour, Peak: 100, FullAt: 169 * hour}, 0, 0},
		"nothing was used":      {plan.Instance{Reset: 168 * hour}, 100_000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if u, b := c.window.Unused(), c.window.Blocked(); u != c.unused || b != c.blocked {
				t.Errorf("unused %d, blocked %v", u, b)
			}
		})
	}
}
