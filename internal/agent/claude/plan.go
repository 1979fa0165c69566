package claude

import (
	"encoding/binary"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// historyFile is where Claude Desktop notes every few minutes how much of the allowance is
// used. The pool is the account's, so it holds for Claude Code, too.
const historyFile = "plan-usage-history.json"

// longestHistory bounds what is kept of the file, in bytes. A month of readings every five
// minutes has less than one million.
const longestHistory = 8 << 20

// A figure that stands is passed on this often; the file repeats it every few minutes.
const historyAgain = 30 * 60 * 1000

var historyReader = agent.Document([]string{"samples"}, longestHistory, readHistory)

// told is what was passed on of a window.
type told struct {
	used    float64
	at      usage.Millis
	repeats bool // said twice
}

// readHistory passes on what is newer than what it remembers: the moment of the last reading.
func readHistory(m agent.Members, out agent.Sink) []byte {
	var last int64
	if n, size := binary.Varint(m.Memory); size > 0 {
		last = n
	}
	newest := last
	known := map[figure]told{} // by account and window
	var s agent.Scanner
	s.Reset(m.Values["samples"])
	for open := s.Array(); open && s.More(); {
		var at usage.Millis
		var organisation string
		var hours, days figure
		members(&s, func(key string) {
			switch key {
			case "t":
				at = moment(&s)
			case "org":
				organisation = short(&s)
			case "u":
				members(&s, func(key string) {
					switch key {
					case "fh":
						hours.member("percent", &s)
					case "sd":
						days.member("percent", &s)
					default:
						s.Skip()
					}
				})
			default:
				s.Skip()
			}
		})
		if at == 0 || m.File.Modified != 0 && at > m.File.Modified+usage.ClockTolerance {
			continue
		}
		newest = max(newest, int64(at))
		account := accountName(organisation)
		hours.minutes, days.minutes = sessionWindow, weekWindow
		for _, f := range []figure{hours, days} {
			if !f.stated || !changed(known, figure{limit: account, minutes: f.minutes}, f.used, at) || int64(at) <= last {
				continue
			}
			f.limit = ID
			sample := f.sample(at)
			sample.Account = account
			out.Sample(&sample)
		}
	}
	return binary.AppendVarint(nil, newest)
}

// changed reports whether a figure is to be passed on: when it is another, once more when it
// is said again (a fall counts only then), and now and then while it stands.
func changed(known map[figure]told, window figure, used float64, at usage.Millis) bool {
	old, any := known[window]
	if !any && len(known) >= mostFigures {
		return true
	}
	now := told{used: used, at: at}
	if any && old.used == used {
		if old.repeats && at-old.at < historyAgain && at >= old.at {
			return false
		}
		now.repeats = true
	}
	known[window] = now
	return true
}
