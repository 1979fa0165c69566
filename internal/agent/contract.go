package agent

import (
	"context"
	"errors"
	"io"

	"tokenmeter/internal/usage"
)

// Source is one agent.
type Source interface {
	Info() Info
	// Roots lists the folders (or files) where this agent keeps its logs, whether or not
	// they exist, best first. It looks at nothing but env and may ask env.Exists.
	Roots(env Env) []Root
	// Reader gives the reader for a file by its slash-separated name relative to the
	// root; nil: not one of ours. It must not depend on the file's content.
	Reader(root Root, name string) Reader
}

// Info is what an agent is called and what it records.
type Info struct {
	ID       usage.AgentID
	Name     string // as people write it: "Claude"
	Slot     int    // position in the palette and in stacks, from 0
	Revision int    // of the reader; a higher one makes ingest read all files again
	Records  []string
	Missing  []string // what the logs cannot tell, in words
}

// Env is what a Source may know of the machine.
type Env struct {
	OS       string                 // as runtime.GOOS
	Home     string                 // the user's home folder, absolute
	Variable func(string) string    // environment variables
	Exists   func(path string) bool // whether a folder or file is there
	// Captures is the folder with what agents handed to this program, in its data folder;
	// "" = none.
	Captures string
}

// Root is a folder that may hold logs.
type Root struct {
	Path string // absolute
	Kind string // the source's own word for what lies there ("projects", "archive"); may be ""
	// From names what led here ("CLAUDE_CONFIG_DIR", "default"), for doctor.
	From string
	// Aside: it tells of the allowance and of no requests, so it says nothing of whether the
	// agent is used here.
	Aside bool
}

// File is one log, opened at Cursor.Offset.
type File struct {
	Root Root
	Name string // relative to the root, slash-separated
	Path string // absolute; for messages, and for readers of databases
	// Content starts at the cursor's offset. Offsets count the bytes of the decompressed
	// content where the file is compressed.
	Content  io.Reader
	Modified usage.Millis // the file's own time, the last resort for an undated line
	Limit    int64        // longest line that is kept in memory, in bytes
}

// Sparse is implemented by a File.Content that knows where nothing was ever written.
type Sparse interface {
	// SkipHole moves past the zeros that begin here and take no room on the disk, and
	// says how many bytes they were.
	SkipHole() int64
}

// Reader turns what is new in one file into facts. It keeps nothing between calls.
type Reader interface {
	// Read starts at from and calls out.Checkpoint wherever a restart may begin. Facts
	// before a checkpoint are committed with it. Facts after the last one (a line that
	// has no line feed yet) are committed too and will be read again, so each has a key
	// that makes that harmless. Memory is bounded by f.Limit, not by the file. Bad
	// content is out.Skip, not an error. Errors: ErrBusy and ErrPartial (ask again),
	// ErrFormat (an unknown schema); anything else is I/O.
	Read(ctx context.Context, f *File, from Cursor, out Sink) error
}

// Cursor is where reading stopped: a byte offset and what the next line needs to know
// (the model of the turn, the heads of counters), at most MaxState bytes, first byte =
// version. The zero Cursor reads all; a state of an unknown version counts as zero.
type Cursor struct {
	Offset int64
	State  []byte
}

// MaxState bounds Cursor.State, in bytes.
const MaxState = 4096

// Sink takes facts. Arguments are valid during the call only; strings in them may be kept.
type Sink interface {
	Event(*usage.Event)
	Thread(*usage.Thread)
	Mark(usage.Mark)
	Sample(*usage.Sample)
	Session(*usage.Session)
	Bill(*usage.Bill)
	Skip(usage.Skip)
	// Checkpoint returns an error when reading must stop; Read returns that error.
	Checkpoint(Cursor) error
}

// The errors a Reader may return besides those of I/O.
var (
	ErrBusy    = errors.New("the log is in use, try again")
	ErrPartial = errors.New("the log is being written, try again")
	ErrFormat  = errors.New("the log has a form that is not known")
)

// Lineage is implemented by sources whose files begin with copies of one another. Resolve
// is pure: from a thread's rows and those of its kin (ancestors that were read, and other
// threads that share an ancestor), in any order, it says which leading runs of the child's
// rows belong to whom. The rest is the child's own. Segments are in the order of the rows.
type Lineage interface {
	Resolve(child usage.Kin, kin []usage.Kin) []usage.Segment
}

// Simulator is implemented by sources that can write their agent's lines, for the demo,
// the benchmark and the tests.
type Simulator interface {
	// Simulate starts one conversation and returns it. It does no I/O.
	Simulate(c SimulatedConversation) Conversation
}

// SimulatedConversation says what is to be simulated.
type SimulatedConversation struct {
	Seed    uint64
	ID      string // a UUID
	Project string // absolute working folder
	Branch  string
	Model   string
	Start   usage.Millis
	Parent  string // ID of the conversation that started this one as a sub-agent; "" = none
}

// Conversation writes one log.
type Conversation interface {
	// File is the log's path relative to the home folder, slash-separated.
	File() string
	// Turn gives the lines that one request adds, each with its line feed, and the tokens
	// that a right reader must count for it.
	Turn(t SimulatedTurn) ([]byte, usage.Tokens)
}

// Forker is implemented by conversations that can be forked.
type Forker interface {
	// Fork starts a conversation that goes on from here in a log of its own; its first
	// Turn gives what the agent copies into that log, too. c.Parent is not looked at.
	Fork(c SimulatedConversation) Conversation
}

// SimulatedTurn is one request and its answer.
type SimulatedTurn struct {
	Time   usage.Millis
	Tokens usage.Tokens
	Prompt string // text that the lines carry, so that they look like real ones
	Answer string
	Tool   string // name of the tool that was called; "" = none
	// The rest makes a log as varied as a real one; each may be "". Call is what the tool
	// was called with, Result what a tool gave, where the agent logs that in this turn,
	// Thought is the reasoning, and Aside the text of a line that says nothing of usage,
	// such as an attachment.
	Call, Result, Thought, Aside string
	// Limits, where the agent logs them: used percent and reset of the short and long window.
	Limits []usage.Sample
}
