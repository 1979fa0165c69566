package agent

// MaxCount bounds a single token counter. No request comes near it; a log that says more is
// damaged, and sums over millions of such rows still fit an int64.
const MaxCount = 1 << 40

// Count consumes a value as a token counter: whole, not negative, at most MaxCount.
// Everything else is 0.
func (s *Scanner) Count() int64 {
	n, _ := s.Int()
	return min(n, MaxCount)
}
