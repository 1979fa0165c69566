package agent

import (
	"errors"

	"tokenmeter/internal/usage"
)

// Inquirer is implemented by sources whose vendor can be asked for the current allowance. It
// says how; whether that may be, when, and who does it is not its to know. All of it is pure.
type Inquirer interface {
	Inquiry(env Env) Inquiry
}

// Inquiry is how a vendor is asked: over the web, or through the agent's own program.
type Inquiry struct {
	Web     *WebInquiry
	Program *ProgramInquiry
	Remedy  string // what a person does when a new login is needed: "Open Claude Code once"
}

// WebInquiry is one GET with the login that the agent keeps in a file.
type WebInquiry struct {
	Address string // https
	Login   string // path of the file; it is read anew each time, and never written
	// Headers makes what is sent along of the file's content. Errors: ErrLogin.
	Headers func(login []byte, now usage.Millis) (map[string]string, error)
	// Answer reads the body. Errors: ErrFormat.
	Answer func(body []byte, now usage.Millis) ([]usage.Sample, error)
}

// ProgramInquiry is a conversation in lines over the standard input and output of the agent's
// program, which keeps its login to itself and speaks with its vendor.
type ProgramInquiry struct {
	Name      string // of the file, sought on PATH
	Arguments []string
	Called    string // as it is named to people: "codex app-server"
	// Dialogue begins a conversation; version is this program's.
	Dialogue func(version string) Dialogue
}

// Dialogue is this side of a conversation.
type Dialogue interface {
	// Hear takes a line without its line feed, at first nil, and gives what to say to it, with
	// line feeds; nil = nothing. Errors: ErrLogin, ErrFormat, and what the program says is wrong,
	// never in its own words: they may hold who the user is.
	Hear(line []byte, now usage.Millis) (say []byte, err error)
	// Answer is what was learnt, once there is an answer.
	Answer() (samples []usage.Sample, done bool)
}

// ErrLogin says that the agent's login is missing, has expired, or is not accepted.
var ErrLogin = errors.New("a new login is needed")
