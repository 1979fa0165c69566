package claude

import (
	"fmt"
	"math"
	"strings"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// accountFile is where Claude Code keeps, beside much else, who is logged in and what the
// server last said of the allowance.
const accountFile = ".claude.json"

// longestUsage bounds what is kept of a member of that file, in bytes. It has some kilobytes.
const longestUsage = 256 << 10

// The members that are read. All others, prompts among them, are passed over.
const (
	memberAccount = "oauthAccount"
	memberUsage   = "cachedUsageUtilization"
)

var accountReader = agent.Document([]string{memberAccount, memberUsage}, longestUsage, func(m agent.Members, out agent.Sink) []byte {
	readAccount(m, out)
	return nil
})

// identity is who is logged in. The ids are only compared and hashed.
type identity struct{ account, organisation, plan string }

// name names the account. The organisation comes first, since an allowance is an
// organisation's and other files know only that.
func (i *identity) name() string {
	if i.organisation != "" {
		return accountName(i.organisation)
	}
	return accountName(i.account)
}

// accountName makes a short name of an id, from which the id cannot be told; "" of none.
func accountName(id string) string {
	if id == "" {
		return ""
	}
	return fmt.Sprintf("%08x", uint32(usage.NewHash("claude account").Text(strings.ToLower(id)).Sum()))
}

func readAccount(m agent.Members, out agent.Sink) {
	var who identity
	var s agent.Scanner
	s.Reset(m.Values[memberAccount])
	members(&s, func(key string) {
		switch key {
		case "accountUuid":
			who.account = short(&s)
		case "organizationUuid":
			who.organisation = short(&s)
		case "organizationRateLimitTier":
			who.plan = short(&s)
		default:
			s.Skip()
		}
	})
	var cached string // the account
	var samples []usage.Sample
	var at usage.Millis
	s.Reset(m.Values[memberUsage])
	members(&s, func(key string) {
		switch key {
		case "fetchedAtMs":
			at = moment(&s)
		case "accountUuid":
			cached = short(&s)
		case "utilization":
			samples, _ = utilization(&s, 0)
		default:
			s.Skip()
		}
	})
	if at == 0 || m.File.Modified != 0 && at > m.File.Modified+dayMillis {
		return // before the epoch, or after the file was written
	}
	account := who.name()
	if cached != "" && cached != who.account {
		account, who.plan = accountName(cached), "" // somebody else was logged in then
	}
	for i := range min(len(samples), mostFigures) {
		sample := &samples[i]
		sample.ObservedAt, sample.Account, sample.Plan = at, account, who.plan
		out.Sample(sample)
	}
}

const dayMillis = usage.Millis(24 * 60 * 60 * 1000)

// figure is what is said of one window.
type figure struct {
	limit   string
	minutes int64
	used    float64
	stated  bool // used is set
	resets  usage.Millis
}

func (f *figure) sample(at usage.Millis) usage.Sample {
	return usage.Sample{
		Agent: ID, LimitID: f.limit, WindowMinutes: f.minutes, UsedPercent: f.used, ResetsAt: f.resets,
		ObservedAt: at, Source: usage.SourceServer,
	}
}

// mostFigures bounds how many windows are believed.
const mostFigures = 32

// member reads what both forms have.
func (f *figure) member(key string, s *agent.Scanner) {
	r := reading{}
	r.member(key, s)
	switch key {
	case "utilization", "percent":
		f.used, f.stated = r.used, r.stated
	case "resets_at":
		f.resets = r.resets
	}
}

// members hands the members of an object to f, which must consume the value of each.
func members(s *agent.Scanner, f func(key string)) {
	if !s.Object() {
		return
	}
	for {
		key, more := s.Key()
		if !more {
			return
		}
		f(string(key))
	}
}

// short reads a string that is no longer than an id; anything else is "".
func short(s *agent.Scanner) string {
	const longest = 100
	text, ok := s.Text()
	if !ok || len(text) > longest {
		return ""
	}
	return string(text)
}

// moment reads a time, as text or as a number since the epoch; zero if it is none.
func moment(s *agent.Scanner) usage.Millis {
	raw := s.Raw()
	if len(raw) > 0 && raw[0] == '"' {
		at, ok := agent.ParseTime(raw[1 : len(raw)-1])
		if !ok {
			return 0
		}
		return at
	}
	var number agent.Scanner
	number.Reset(raw)
	n, ok := number.Float()
	if !ok || math.IsNaN(n) {
		return 0
	}
	at, ok := agent.TimeOfNumber(n)
	if !ok {
		return 0
	}
	return at
}
