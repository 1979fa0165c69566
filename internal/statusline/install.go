package statusline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gofrs/flock"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/claude"
)

// Place is where something is installed or taken out.
type Place struct {
	Env     agent.Env
	DataDir string // absolute
	Command string // what Claude Code is to run: see CommandLine
}

// Plan is a change of the settings that is thought through and not made yet.
type Plan struct {
	Path          string // of the settings
	Before, After []byte
	Creates       bool   // there is no file before
	Removes       bool   // there is none after
	Former        string // the command before ours, which goes on being run, or runs again

	place  Place
	info   fs.FileInfo // of the file before
	record *record     // what is to be noted; nil: nothing any more
}

// ErrNotOurs is returned by PlanUninstall where the settings do not run us.
var ErrNotOurs = errors.New("the status line is not Tokenmeter's")

// Nothing tells that all is as it should be.
func (p *Plan) Nothing() bool { return !p.Creates && !p.Removes && bytes.Equal(p.Before, p.After) }

// PlanInstall says what would make us the status line. Its errors say why that would not be safe.
func PlanInstall(place Place) (*Plan, error) {
	p, err := planOf(place)
	if err != nil {
		return nil, err
	}
	if !utf8.ValidString(place.Command) {
		return nil, errors.New("the path of this program is not UTF-8, which settings cannot hold")
	}
	if err := managed(place.Env); err != nil {
		return nil, err
	}
	all, err := readRecords(place.DataDir)
	if err != nil {
		return nil, err
	}
	p.record = &record{Settings: p.Path, Command: place.Command}
	if p.Creates {
		line, err := statusLineOf([]byte("{}\n"))
		if err != nil {
			return nil, err
		}
		p.After, _ = line.added(place.Command)
		p.record.Created, p.record.Added = true, string(p.After)
		return p, nil
	}
	line, err := statusLineOf(p.Before)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be changed safely: %w", p.Path, err)
	}
	known := all.of(p.Path)
	switch {
	case line.number < 0:
		p.After, p.record.Added = line.added(place.Command)
		return p, nil
	case known != nil && (line.command == known.Command || isOurs(line.command)):
		// Installed before, perhaps from where the program was then.
		p.record.Former, p.record.Created = known.Former, known.Created
		p.record.Added = string(bytes.Replace([]byte(known.Added), []byte(literal(known.Command)), []byte(literal(place.Command)), 1))
	case line.command == place.Command:
		p.record = nil // by hand
	default:
		p.record.Former = &former{line.command, string(line.text[line.from:line.to])}
	}
	if line.command == place.Command {
		p.After = p.Before
		return p, nil
	}
	if p.record.Former != nil {
		p.Former = p.record.Former.Command
	}
	p.After = line.with(literal(place.Command))
	return p, nil
}

// PlanUninstall says what would take us out again. Where nobody else has changed the file since,
// its bytes are those from before.
func PlanUninstall(place Place) (*Plan, error) {
	p, err := planOf(place)
	if err != nil {
		return nil, err
	}
	if p.Creates {
		return nil, fmt.Errorf("%w: there is no %s", ErrNotOurs, p.Path)
	}
	line, err := statusLineOf(p.Before)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be changed safely: %w", p.Path, err)
	}
	all, err := readRecords(place.DataDir)
	if err != nil {
		return nil, err
	}
	known := all.of(p.Path)
	switch {
	case line.number < 0:
		return nil, fmt.Errorf("%w: %s has none", ErrNotOurs, p.Path)
	case (known == nil || known.Command != line.command) && !isOurs(line.command):
		return nil, fmt.Errorf("%w: %s runs %q", ErrNotOurs, p.Path, line.command)
	case known != nil && known.Former != nil:
		p.After, p.Former = line.with(known.Former.Written), known.Former.Command
	case known != nil && known.Created && string(p.Before) == known.Added:
		p.Removes = true
	case known != nil:
		p.After = line.removed(known.Added)
	default:
		p.After = line.removed("")
	}
	return p, nil
}

// planOf looks at the file. It refuses what would not be replaced by replacing it.
func planOf(place Place) (*Plan, error) {
	p := &Plan{Path: claude.SettingsFile(place.Env), place: place}
	if p.Path == "" {
		return nil, errors.New("find Claude Code's settings: no home folder is known; set HOME")
	}
	if info, err := os.Lstat(filepath.Dir(p.Path)); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, fmt.Errorf("%s is a link: its file cannot be changed safely from here", filepath.Dir(p.Path))
	}
	info, err := os.Lstat(p.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.Creates = true
		return p, nil
	case err != nil:
		return nil, fmt.Errorf("look at Claude Code's settings: %w", err)
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, fmt.Errorf("%s is a link: what it points to cannot be changed safely from here", p.Path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", p.Path)
	case hasOtherNames(info):
		return nil, fmt.Errorf("%s has another name (a hard link), which replacing it would part from it", p.Path)
	}
	if p.Before, err = readFile(p.Path); err != nil {
		return nil, fmt.Errorf("read Claude Code's settings: %w", err)
	}
	p.info = info
	return p, nil
}

// managed refuses where an administrator has settled the status line for all.
func managed(env agent.Env) error {
	files, folders := claude.ManagedSettings(env)
	for _, folder := range folders {
		more, _ := filepath.Glob(filepath.Join(folder, "*.json"))
		files = append(files, more...)
	}
	return managedBy(files)
}

func managedBy(files []string) error {
	for _, path := range files {
		text, err := readFile(path)
		if err != nil {
			continue // Claude Code, which runs as the same user, cannot read it either
		}
		settings, err := settingsOf(text)
		if err != nil {
			return fmt.Errorf("the status line may be managed: %s: %w", path, err)
		}
		if settings.find(lineKey) >= 0 || settings.isTrue(hooksOffKey) {
			return fmt.Errorf("the status line is managed: %s settles it for all users of this machine", path)
		}
	}
	return nil
}

// Notes says what stands in the way of the status line besides the file that is changed: dir is
// the folder whose project may have settings of its own.
func (p *Plan) Notes(dir string) (notes []string) {
	if settings, err := settingsOf(p.After); err == nil && settings.isTrue(hooksOffKey) {
		notes = append(notes, hooksOffKey+" is true in these settings, so Claude Code runs no status line")
	}
	for _, path := range claude.ProjectSettings(p.place.Env, dir) {
		if path == p.Path {
			continue
		}
		text, err := readFile(path)
		if err != nil {
			continue
		}
		if settings, err := settingsOf(text); err == nil && settings.find(lineKey) >= 0 {
			notes = append(notes, path+" has a status line of its own, which goes before this one in that project")
		}
	}
	return notes
}

// Apply makes the change: it notes what was there, keeps a copy of the old file in the data
// folder and replaces the file in one step. It refuses if somebody has changed the file since the
// plan was made.
func (p *Plan) Apply(ctx context.Context, now time.Time) error {
	folder, err := makeFolder(p.place.DataDir)
	if err != nil {
		return err
	}
	lock := flock.New(filepath.Join(folder, "install.lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return fmt.Errorf("wait for another installation: %w", err)
	}
	defer lock.Close()

	all, err := readRecords(p.place.DataDir)
	if err != nil {
		return err
	}
	if !p.Creates {
		backup := filepath.Join(folder, "settings."+strconv.FormatInt(now.UnixMilli(), 10)+".json")
		if err := writeNew(backup, p.Before, nil); err != nil {
			return fmt.Errorf("keep a copy of the settings: %w", err)
		}
	}
	next := all.without(p.Path)
	if p.record != nil {
		// The note comes first: a command that is no longer in the settings must not be lost.
		next.Installs = append(next.Installs, *p.record)
		if err := next.write(p.place.DataDir); err != nil {
			return err
		}
	}
	if err := p.replace(); err != nil {
		if p.record != nil {
			err = errors.Join(err, all.write(p.place.DataDir))
		}
		return err
	}
	if p.record == nil {
		return next.write(p.place.DataDir)
	}
	return nil
}

// replace puts the new file in the place of the old one.
func (p *Plan) replace() error {
	dir := filepath.Dir(p.Path)
	fresh := filepath.Join(dir, "."+filepath.Base(p.Path)+"."+programName)
	if !p.Removes {
		if p.Creates {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return fmt.Errorf("make Claude Code's folder: %w", err)
			}
		}
		if err := writeNew(fresh, p.After, p.info); err != nil {
			return fmt.Errorf("write Claude Code's settings: %w", err)
		}
	}
	err := p.unchanged()
	switch {
	case err != nil:
	case p.Removes:
		err = os.Remove(p.Path)
	default:
		err = os.Rename(fresh, p.Path)
	}
	if err != nil {
		_ = os.Remove(fresh)
		return fmt.Errorf("replace Claude Code's settings: %w", err)
	}
	syncFolder(dir)
	return nil
}

// unchanged tells whether the file is still what the plan was made for.
func (p *Plan) unchanged() error {
	is, err := planOf(p.place)
	if err != nil {
		return err
	}
	if is.Creates != p.Creates || !bytes.Equal(is.Before, p.Before) || !p.Creates && is.info.Mode() != p.info.Mode() {
		return errors.New("somebody else has just changed them; nothing of ours was written, try again")
	}
	return nil
}

// isTrue tells whether a member is true.
func (o *object) isTrue(key string) bool {
	i := o.find(key)
	return i >= 0 && string(o.raw(i)) == "true"
}
