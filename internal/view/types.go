package view

import (
	"time"

	"tokenmeter/internal/usage"
)

// Verdict is the answer to "am I safe?"; its words and shapes are in the design notes.
type Verdict int

// The verdicts.
const (
	Unknown Verdict = iota
	Calm
	Tight
	Out
)

// Ring is what the tray icon shows.
type Ring struct {
	Verdict Verdict
	Share   float64 // 0…1 of the ring
	Live    bool    // tokens are flowing
	Stale   bool
	Failed  bool
}

// Tray is the tray item: icon, one line, and the menu's lines that change.
type Tray struct {
	Ring    Ring
	Title   string // macOS, beside the icon
	Tooltip string // at most 127 characters
	Windows []string
	Live    string // "3.2k tok/min · tokenmeter · opus-5.5", or "Idle"
	Today   string // "Today 1.84M fresh, 239 requests"
	Network string // "Network on: asks Codex, fetches prices daily"; "" while nothing goes out
}

// Figure is a number with its words.
type Figure struct {
	Label   string
	Value   string
	Caption string
	Exact   string // for the tooltip
}

// Series is one colour of a chart.
type Series struct {
	ID    string
	Name  string
	Slot  int    // palette slot of the agent; -1 = "other"
	Value string // latest value or total, for the legend
}

// Column is one step of a time axis.
type Column struct {
	Start, End time.Time
	Values     []int64 // one for each series
	Below      int64   // cache reads, on their own scale below the base line
	NoRecord   bool    // before anything was recorded
	Title      string  // for the read-out: "Tue 17 Nov 2026"
	Total      string
	Parts      []Part // in stack order from above, zero parts left out
	Note       string // "Cache reads, apart 68.1M"
}

// Part is one line of a read-out.
type Part struct {
	Series int
	Name   string
	Share  string
	Value  string
}

// Chart is a stacked chart over time, and its table.
type Chart struct {
	Title   string
	Series  []Series
	Columns []Column
	Zone    *time.Location
}

// Session is a row of "Sessions now".
type Session struct {
	ID       string
	Slot     int
	Agent    string
	Project  string // last part of the path
	Path     string // whole
	Branch   string
	Model    string
	Context  string  // "62 %", or the tokens where the window is not known
	Fill     float64 // 0…1, negative = not known
	Fresh    string
	Exact    string
	Cost     string
	LastLine string
	Working  bool
}

// Today is the card of the day.
type Today struct {
	Date     string
	Fresh    Figure
	Cost     Figure
	Requests Figure
	Hours    []int64
	Usual    []int64
	Low      []int64
	High     []int64
	NowShare float64 // how much of the day is over, 0…1
	Legend   string  // "Usual Tuesday, half of them in the band"
	Against  string  // "+62 %"
}

// Allowance is one window in words.
type Allowance struct {
	Name    string // "Claude 5 h"
	Used    string // "62 %"
	Share   float64
	Reset   string // "resets 14:20"
	Source  string // "server, 3 min ago"
	Outlook string // "lasts with 18 % to spare"; "" = nothing is forecast
	Verdict Verdict
	Known   bool
}

// Place is a folder that was looked into.
type Place struct {
	Agent string
	Path  string
	State string // "no such folder"
}

// Empty is the page when nothing was found.
type Empty struct {
	Headline string
	Text     string
	Places   []Place
}

// Banner is a line over a page: reading, stale, error.
type Banner struct {
	Kind   BannerKind
	Title  string
	Text   string
	Share  float64 // progress 0…1, negative = none
	Remedy string  // what to do
}

// BannerKind is what a banner is about.
type BannerKind int

// The kinds of banner.
const (
	BannerReading BannerKind = iota
	BannerStale
	BannerError
	BannerNote // worth knowing, nothing is wrong with the figures
)

// Foot is the bottom of the rail.
type Foot struct {
	Age     string // "Current to 1 s ago"
	Fresh   bool   // dot in the accent colour
	Agents  string // "5 agents, since 2 Feb"
	Network string // "Network off"
}

// Live is the Live page.
type Live struct {
	Subtitle string
	Empty    *Empty
	Banners  []Banner
	Rate     Figure
	Cost     Figure
	Reads    Figure
	ReRead   Figure
	Chart    Chart
	Working  string // "3 working, 2 idle"
	Sessions []Session
	Today    Today
	Windows  []Allowance
	Foot     Foot
}

// Row is a row of the History table.
type Row struct {
	ID         string
	Name       string
	Slot       int
	Fresh      string
	Share      string
	Input      string
	CacheWrite string
	Output     string
	CacheReads string
	Requests   string
	Cost       string
	Counts     usage.Counts // to sort by, and exact figures
}

// History is the History page.
type History struct {
	Subtitle string // "22 Oct to 20 Nov 2026"
	Empty    *Empty
	Banners  []Banner
	Tiles    []Figure
	Chart    Chart
	Split    string // heading of the table's first column
	Rows     []Row
	Total    Row
	Foot     Foot
}
