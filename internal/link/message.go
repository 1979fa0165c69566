package link

import "encoding/json"

// MaxLine bounds a message, in bytes with its line feed.
const MaxLine = 1 << 20

// The words of Message.Do.
const (
	Subscribe = "subscribe"
	Open      = "open"
	Quit      = "quit"
	Ping      = "ping"
	CatchUp   = "catchup"
	Pong      = "pong"
	Done      = "done"
	Failed    = "failed"
	Changed   = "changed"
	Show      = "show"
	Toggle    = "toggle"
	Hide      = "hide"
	Told      = "told" // the user has been told what the last change of prices did
)

// Message is one line. Members that a side does not know are ignored.
type Message struct {
	Do    string          `json:"do"`
	Page  string          `json:"page,omitempty"`
	Meter json.RawMessage `json:"meter,omitempty"` // a report.Meter
	Text  string          `json:"text,omitempty"`  // why, for failed
	Pid   int             `json:"pid,omitempty"`
	Build string          `json:"build,omitempty"` // version of the sender
	// Headless, in a pong: the meter has no tray item.
	Headless bool `json:"headless,omitempty"`
}
