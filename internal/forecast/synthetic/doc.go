// Package synthetic makes up users of an agent with allowance windows, so that forecasts can
// be tried on many lives.
//
// It owns how these users behave: day by day they decide whether to work, sit down for
// sessions, send requests that cost something, run into limits and then wait, slow down or
// use another machine. It knows nothing of how a forecast is made and shares no rule with
// it. The same seed gives the same users, bit for bit. No I/O but the time zones, which are
// compiled in; no state.
package synthetic
