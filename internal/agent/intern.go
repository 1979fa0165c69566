package agent

// Limits of an Intern, so that hostile logs cannot make it grow.
const (
	internCount  = 4096
	internLength = 512 // longer strings are rare and not worth keeping
)

// Intern makes strings of bytes and gives the same string for the same bytes, mostly
// without allocating. It must not be used by two goroutines at a time. The zero value is
// ready.
type Intern struct {
	known map[string]string
	// recent has, by a few bits of each, strings asked for a moment ago: most are asked for on
	// every line, and to compare is cheaper than to look up.
	recent [32]string
}

// String is string(b), remembered.
func (n *Intern) String(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	recent := &n.recent[(len(b)+int(b[len(b)-1])*7)%len(n.recent)]
	if *recent == string(b) {
		return *recent
	}
	if s, ok := n.known[string(b)]; ok {
		*recent = s
		return s
	}
	s := string(b)
	if len(s) > internLength {
		return s
	}
	*recent = s
	if n.known == nil || len(n.known) >= internCount {
		n.known = make(map[string]string)
	}
	n.known[s] = s
	return s
}
