package plan

import (
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"tokenmeter/internal/usage"
)

// Use is what was used of one model, in one session and one project.
type Use struct {
	Model, Session, Project string
	usage.Counts
}

// Shares says who paid for what was used.
type Shares struct {
	Plan    usage.Counts // under the plan
	Keyed   usage.Counts // a key paid: bills, no value
	Untold  usage.Counts // the logs of other sessions tell, those of these do not
	Certain bool         // the logs tell at all; without that all but Keyed counts as Plan
}

// Share splits what was used of a held plan's agent. told holds the sessions whose logs show
// that they ran under a plan.
func (h *Held) Share(uses []Use, told map[string]bool) Shares {
	s := Shares{Certain: len(told) > 0}
	for _, u := range uses {
		to := &s.Plan
		switch {
		case Keyed(u.Model) || slices.Contains(h.Keyed, u.Project):
			to = &s.Keyed
		case s.Certain && !told[u.Session]:
			to = &s.Untold
		}
		*to = to.Plus(u.Counts)
	}
	return s
}

// Keyed says that a model's name is that of a shop which bills each request: Amazon Bedrock or
// Google Vertex.
func Keyed(model string) bool {
	m := strings.ToLower(model)
	return strings.HasPrefix(m, "anthropic.") || strings.Contains(m, ".anthropic.") || strings.Contains(m, "/anthropic.") ||
		strings.HasPrefix(m, "arn:aws") || strings.HasPrefix(m, "bedrock/") || strings.HasPrefix(m, "vertex") || strings.Contains(m, "@")
}

// Multiple is how many times a fee goes into a value, in thousandths, rounded down; false where
// there is no fee.
func Multiple(value, fee usage.Micros) (thousandths int64, ok bool) {
	if fee <= 0 {
		return 0, false
	}
	return scaled(int64(value), 1000, int64(fee))
}

// scaled is a×b÷c, rounded down towards zero; false beyond the bounds of a number.
func scaled(a, b, c int64) (int64, bool) {
	product := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
	product.Quo(product, big.NewInt(c))
	return product.Int64(), product.IsInt64()
}

// Instance is one allowance window from its beginning to its reset, as readings of it tell.
type Instance struct {
	LimitID string
	Account string
	Minutes int64
	Start   usage.Millis
	Reset   usage.Millis
	Peak    float64      // highest reading, in percent
	PeakAt  usage.Millis // when that was first read
	FullAt  usage.Millis // when 100 was first read; 0 = never
}

// Blocked is how long the window was exhausted until it reset.
func (i *Instance) Blocked() time.Duration {
	if i.FullAt == 0 || i.Reset <= i.FullAt {
		return 0
	}
	return time.Duration(i.Reset-i.FullAt) * time.Millisecond
}

// Unused is what was left at the reset, in thousandths of a point.
func (i *Instance) Unused() int64 { return 100_000 - Thousandths(min(i.Peak, 100)) }

// Thousandths are those of a point in a percentage; what is below 0 or no number is 0.
func Thousandths(percent float64) int64 {
	if !(percent > 0) {
		return 0
	}
	return int64(math.Round(min(percent, 1e9) * 1000))
}

// LeastRise is how many thousandths of points must have been used before a point's worth is
// told: a reading may be off by half a point either way.
const LeastRise = 5_000

// PointWorth is the list price of one point of a window: what was used while it rose, in
// micro-dollars, by its rise in thousandths of points. False where the rise is too small.
func PointWorth(value usage.Micros, rise int64) (usage.Micros, bool) {
	if rise < LeastRise || value < 0 {
		return 0, false
	}
	n, ok := scaled(int64(value), 1000, rise)
	return usage.Micros(n), ok
}

// PointsWorth is what so many thousandths of points are worth.
func PointsWorth(point usage.Micros, thousandths int64) usage.Micros {
	n, ok := scaled(int64(point), thousandths, 1000)
	if !ok {
		return math.MaxInt64
	}
	return usage.Micros(n)
}
