package codex

import (
	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// unknownModel stands for a model that no line named; a guess would be priced.
const unknownModel = "unknown"

// tokenCount reads a token_count event: a row of counters, the allowance, or both.
func (p *parser) tokenCount(at int64, out agent.Sink) {
	p.identify(out)
	if c := &p.message.counts; c.hasTotal || c.hasLast {
		p.row(c, at, out)
	}
	if p.message.hasLimits {
		p.samples(&p.message.limits, out)
	}
}

// row books one row of counters.
func (p *parser) row(c *counts, at int64, out agent.Sink) {
	set(&p.model, p.rowModel(), maxModel)
	if c.window > 0 {
		p.window = min(c.window, agent.MaxCount)
	}

	// A total of zeros beside a request is a total that is not kept.
	hasTotal := c.hasTotal && !(c.total.zero() && c.hasLast && !c.last.zero())
	mark := usage.Mark{Thread: p.thread, Ordinal: p.rows, Print: c.print(), Time: p.time}
	hash := c.total.hash(usage.NewHash("total")).Sum()
	if !hasTotal {
		when := int64(p.time)
		if p.guessed { // what was guessed may be guessed otherwise when it is read again
			when = -1 - int64(p.rows)
		}
		hash = c.last.hash(usage.NewHash("last").Int(when)).Sum()
	}

	if p.rows == 0 {
		p.fromZero = !hasTotal || c.hasLast && c.total == c.last
		p.byOrdinal = p.starts && p.record.ordered
	}
	news := p.copying || p.byOrdinal && p.rows == 0
	if p.byOrdinal && p.record.ordered && p.record.ordinal < p.start && p.stated == p.rows {
		p.stated++
		news = true
	}
	p.rows++

	var tokens usage.Tokens
	if !p.ledger {
		added := p.counter.add(&c.total, &c.last, hasTotal, c.hasLast, hash)
		tokens = added.tokens()
	}
	if !tokens.IsZero() {
		mark.Row = hash
	}
	out.Mark(mark)
	if news {
		p.tellThread(out)
	}
	if !tokens.IsZero() {
		p.request(usage.RowKey(p.thread, hash), tokens, at)
		p.event.Thread, p.event.Ordinal = p.thread, mark.Ordinal
		out.Event(&p.event)
	}
	if c.hasLast && !c.last.zero() {
		p.context = c.last[inInput]
		p.tellSession(out)
	}
}

// print is the same for two rows with the same counters.
func (c *counts) print() uint64 {
	h := usage.NewHash("print")
	if c.hasTotal {
		h = c.total.hash(h.Int(1))
	}
	if c.hasLast {
		h = c.last.hash(h.Int(2))
	}
	return h.Sum()
}

// rowModel is the model that a row itself names.
func (p *parser) rowModel() []byte {
	for _, raw := range [...][]byte{p.message.counts.model, p.message.counts.modelName, p.message.model} {
		if text := p.text(raw); len(text) > 0 {
			return text
		}
	}
	return nil
}

// request fills in p.event.
func (p *parser) request(key usage.Key, tokens usage.Tokens, at int64) {
	p.event = usage.Event{
		Agent: id, Key: key, Time: p.time, CountedAt: p.time,
		Session: p.thread, Project: p.project, Branch: p.branch, Version: p.version,
		Model: p.model, Service: p.service, Tokens: tokens, Offset: at,
	}
	if p.model == "" {
		p.event.Model = unknownModel
	}
	if p.sidechain {
		p.event.Flags |= usage.Sidechain
	}
	if p.guessed {
		p.event.Flags |= usage.TimeGuessed
	}
}

// ledgerEntry reads a token_usage_record: one answered request, with the id of its answer.
// From the first of the file's own thread on only these count. Those of other threads are
// copies.
func (p *parser) ledgerEntry(at int64, out agent.Sink) {
	p.identify(out)
	s := &p.scanner
	s.Reset(p.record.payload)
	if len(p.record.payload) == 0 || !s.Object() {
		return
	}
	var used, sum vector
	var own, stated bool
	var model []byte
	response := usage.NewHash("response").Text(p.thread)
	var key usage.Key
	for {
		field, ok := s.Key()
		if !ok {
			break
		}
		switch string(field) {
		case "thread_id":
			text, _ := s.Text()
			own = string(text) == p.thread
		case "response_id":
			if text, _ := s.Text(); len(text) > 0 {
				key = response.Bytes(text).Key()
			} else {
				key = 0
			}
		case "usage":
			stated = used.parse(s)
		case "thread_token_usage":
			sum.parse(s)
		case "model":
			model = s.Raw()
		default:
			s.Skip()
		}
	}
	if !own || !stated {
		return
	}
	p.ledger = true
	set(&p.model, p.text(model), maxModel)
	tokens := used.tokens()
	if tokens.IsZero() {
		return
	}
	if key == 0 { // the sum of the thread names the request as well
		h := response.Text("")
		if sum.zero() {
			h = used.hash(h.Int(int64(p.time)))
		}
		key = sum.hash(h).Key()
	}
	p.request(key, tokens, at)
	out.Event(&p.event)
}
