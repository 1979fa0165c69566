package agent

// MaxCount is the greatest figure that is taken for a count of tokens. No request comes
// near it, and sums over millions of such rows still fit an int64.
const MaxCount = 1<<40 - 1

// Count consumes a value as a token counter: whole, not negative, at most MaxCount.
// Everything else is 0, for every agent: a damaged counter must not invent tokens.
func (s *Scanner) Count() int64 {
	n, _ := s.Int()
	if n > MaxCount {
		return 0
	}
	return n
}
