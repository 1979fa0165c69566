package inquiry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/health"
	"tokenmeter/internal/network"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/settings"
	"tokenmeter/internal/usage"
)

const (
	// StateName is the file in the data folder that remembers earlier inquiries.
	StateName = "inquiries.json"

	purpose     = "allowance"
	mostOfState = 64 << 10
	mostOfLogin = 1 << 20 // the file holds the logins of other servers, too
	mostOfBody  = 256 << 10
	mostSaid    = 1 << 20
	webTime     = 30 * time.Second
	programTime = 30 * time.Second
)

// Options are what a Desk works with. Everything must be set.
type Options struct {
	DataDir string
	Env     agent.Env
	Sources []agent.Source
	Version string // of this program
	Clock   func() time.Time
	Seed    uint64 // any number of this installation's own
	Client  *network.Client
	Board   *health.Board
}

// Desk asks.
type Desk struct {
	o    Options
	past map[usage.AgentID]Past
}

// New makes a Desk, with what is remembered in the data folder. What cannot be read there counts
// for nothing.
func New(o Options) *Desk {
	d := &Desk{o: o, past: map[usage.AgentID]Past{}}
	file, err := os.Open(filepath.Join(o.DataDir, StateName))
	if err != nil {
		return d
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, mostOfState))
	if err != nil || json.Unmarshal(content, &d.past) != nil || d.past == nil {
		d.past = map[usage.AgentID]Past{}
	}
	return d
}

// Asked lists the agents whose vendor the settings let be asked, in the order of sources.
func Asked(s *settings.Settings, sources []agent.Source) (infos []agent.Info) {
	for _, source := range sources {
		info := source.Info()
		if _, ok := source.(agent.Inquirer); ok && network.ForAllowance(s, string(info.ID), purpose).Granted() {
			infos = append(infos, info)
		}
	}
	return infos
}

// PutFindings puts on the board which agents of the settings cannot be asked for.
func PutFindings(board *health.Board, s *settings.Settings, sources []agent.Source) {
	for id := range s.Network.Inquiries {
		known := slices.ContainsFunc(sources, func(source agent.Source) bool {
			_, ok := source.(agent.Inquirer)
			return ok && string(source.Info().ID) == id
		})
		if !known {
			key := "network." + usage.Shortened(id)
			board.Set(health.SettingsWrong, health.Warning, key, key+" is not known here; it stays in the file and does nothing")
		}
	}
}

// Round asks those vendors that the settings let be asked and whose time it is, one after the
// other. used says when an agent was last used. next is when another round is due, zero = not
// before something is used or the settings are others. What goes wrong is a finding.
func (d *Desk) Round(ctx context.Context, s *settings.Settings, used func(usage.AgentID) time.Time) (samples []usage.Sample, next time.Time) {
	for _, source := range d.o.Sources {
		inquirer, ok := source.(agent.Inquirer)
		if !ok {
			continue
		}
		info := source.Info()
		if !network.ForAllowance(s, string(info.ID), purpose).Granted() {
			d.o.Board.Clear(health.LoginNeeded, info.Name)
			d.o.Board.Clear(health.AllowanceUnknown, info.Name)
			continue
		}
		asked := inquirer.Inquiry(d.o.Env)
		d.noteLogin(info.ID, asked)
		due := Next(d.past[info.ID], used(info.ID), d.o.Clock(), d.o.Seed)
		if !due.IsZero() && !due.After(d.o.Clock()) {
			samples = append(samples, d.ask(ctx, s, info.ID, asked)...)
			if ctx.Err() != nil {
				return samples, time.Time{}
			}
			due = Next(d.past[info.ID], used(info.ID), d.o.Clock(), d.o.Seed)
		}
		d.putFindings(info, asked)
		if !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	return samples, next
}

// noteLogin forgets refusals when the login is no longer the one that was refused.
func (d *Desk) noteLogin(id usage.AgentID, q agent.Inquiry) {
	p := d.past[id]
	if p.Refusals > 0 && q.Web != nil && stampOf(q.Web.Login) != p.Login {
		// One failure is left, so that it waits for its turn but for no use: the figure is overdue.
		p.Refusals, p.Failures, p.Login, p.Trouble = 0, 1, "", ""
		d.past[id] = p
	}
}

func (d *Desk) putFindings(info agent.Info, q agent.Inquiry) {
	p := d.past[info.ID]
	if p.Refusals > 0 {
		d.o.Board.Set(health.LoginNeeded, health.Warning, info.Name, p.Trouble, q.Remedy)
	} else {
		d.o.Board.Clear(health.LoginNeeded, info.Name)
	}
	const worthTelling = 2 // once is nothing
	if p.Refusals == 0 && p.Failures >= worthTelling {
		d.o.Board.Set(health.AllowanceUnknown, health.Info, info.Name, p.Trouble)
	} else {
		d.o.Board.Clear(health.AllowanceUnknown, info.Name)
	}
}

// ask asks one vendor, and remembers how it went.
func (d *Desk) ask(ctx context.Context, s *settings.Settings, id usage.AgentID, q agent.Inquiry) []usage.Sample {
	p := d.past[id]
	p.Attempt, p.Until = d.o.Clock(), time.Time{}
	d.past[id] = p
	// Written before, so that an inquiry that kills the program is not made again at once.
	err := d.remember()
	var samples []usage.Sample
	login := ""
	if err == nil && q.Web != nil {
		samples, login, err = d.askWeb(ctx, s, id, q.Web)
	} else if err == nil {
		samples, err = d.askProgram(ctx, s, id, q.Program)
	}
	if ctx.Err() != nil {
		return nil // the program ends; that is no one's failure
	}
	status := &network.StatusError{}
	switch {
	case err == nil:
		p.Failures, p.Refusals, p.Login, p.Trouble = 0, 0, "", ""
		if slices.ContainsFunc(samples, func(s usage.Sample) bool { return s.UsedPercent > 0 }) {
			p.Unused = 0
		} else if p.Unused = min(p.Unused+1, 2); p.Unused == 1 {
			samples = nil
		}
	case errors.As(err, &status):
		p.Failures++
		p.Trouble = err.Error()
		if status.Retry > 0 {
			p.Until = d.o.Clock().Add(status.Retry)
		}
		if status.Code == 401 || status.Code == 403 {
			p.Refusals++
			p.Login = login
		}
	case errors.Is(err, agent.ErrLogin):
		// Nothing was sent, and the same login would say the same again.
		p.Failures++
		p.Refusals, p.Login, p.Trouble = mostRefusals, login, err.Error()
	default:
		p.Failures++
		p.Trouble = err.Error()
	}
	if err != nil {
		samples, p.Unused = nil, 0
	}
	p.Failures, p.Refusals = min(p.Failures, 100), min(p.Refusals, mostRefusals)
	d.past[id] = p
	_ = d.remember() // without it the next start has the attempt, at least
	return samples
}

func (d *Desk) askWeb(ctx context.Context, s *settings.Settings, id usage.AgentID, w *agent.WebInquiry) (samples []usage.Sample, login string, err error) {
	login = stampOf(w.Login)
	content, err := readLogin(w.Login)
	if err != nil {
		return nil, login, err
	}
	headers, err := w.Headers(content, usage.MillisOf(d.o.Clock()))
	if err != nil {
		return nil, login, err
	}
	result, err := d.o.Client.Fetch(ctx, network.Request{
		Permission: network.ForAllowance(s, string(id), w.Address), Purpose: purpose,
		Types: []string{"application/json"}, Most: mostOfBody, Within: webTime, Headers: headers,
	})
	if err != nil {
		return nil, login, err
	}
	samples, err = w.Answer(result.Body, usage.MillisOf(d.o.Clock()))
	return samples, login, err
}

func (d *Desk) askProgram(ctx context.Context, s *settings.Settings, id usage.AgentID, q *agent.ProgramInquiry) ([]usage.Sample, error) {
	path := cmp.Or(s.Network.Inquiries[string(id)].Program, platform.FindProgram(d.o.Env, q.Name))
	if path == "" {
		return nil, fmt.Errorf("the program %s is not on PATH; network.%s.program in settings.toml may name it", q.Name, id)
	}
	dialogue := q.Dialogue(d.o.Version)
	err := d.o.Client.Converse(ctx, network.Conversation{
		Permission: network.ForAllowance(s, string(id), path), Purpose: purpose, Called: q.Called,
		Env: d.o.Env, Dir: d.o.DataDir, Arguments: q.Arguments, Most: mostSaid, Within: programTime,
		Hear: func(line []byte) ([]byte, bool, error) {
			say, err := dialogue.Hear(line, usage.MillisOf(d.o.Clock()))
			_, done := dialogue.Answer()
			return say, done, err
		},
	})
	if err != nil {
		return nil, err
	}
	samples, _ := dialogue.Answer()
	return samples, nil
}

// readLogin reads the file of a login, which is no link to a device and of no great size.
func readLogin(path string) ([]byte, error) {
	info, err := os.Stat(path) // to open a pipe would wait for its writer
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	var content []byte
	if err == nil {
		var file *os.File
		if file, err = os.Open(path); err == nil {
			defer file.Close()
			content, err = io.ReadAll(io.LimitReader(file, mostOfLogin+1))
		}
	}
	if err == nil && len(content) > mostOfLogin {
		err = fmt.Errorf("it is larger than %d bytes", mostOfLogin)
	}
	if err != nil {
		return nil, fmt.Errorf("read the login: %w (%w)", err, agent.ErrLogin)
	}
	return content, nil
}

// stampOf tells one state of a file from another without a look into it.
func stampOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "none"
	}
	return fmt.Sprintf("%d/%d", info.ModTime().UnixNano(), info.Size())
}

// remember writes what is known of earlier inquiries.
func (d *Desk) remember() error {
	content, err := json.Marshal(d.past)
	if err == nil {
		err = platform.Replace(filepath.Join(d.o.DataDir, StateName), content)
	}
	if err != nil {
		return fmt.Errorf("remember the inquiry, without which nothing is asked: %w", err)
	}
	return nil
}
