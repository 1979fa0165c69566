package settings

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tokenmeter/internal/usage"
)

// FileName is the name of the file in the data folder.
const FileName = "settings.toml"

const (
	formatVersion = 1
	// largestFile is far above a file with hundreds of prices.
	largestFile = 64 << 10
)

// Settings are the choices of a person. They come from Load or Default and do not change.
type Settings struct {
	Network  Network
	Prices   Prices
	Currency Currency

	print fingerprint
}

// Network are the choices on what may go out.
type Network struct {
	Enabled bool // false: nothing goes out, whatever else the file says
	// Inquiries say, by the agent's id, whose vendor is asked for the current allowance.
	Inquiries map[string]Inquiry
}

// Inquiry is the choice on one agent's vendor. It holds only with Network.Enabled.
type Inquiry struct {
	Enabled bool
	Program string // absolute path of the agent's program, where it is asked by that; "" = the one on PATH
}

// Prices are the choices on prices.
type Prices struct {
	Refresh   bool              // fetch new prices once a day; needs Network.Enabled
	URL       string            // where from, https; "" = not chosen
	Overrides []Override        // in the order of the file
	Map       map[string]string // a name of the logs → the model whose price it has
}

// Override is a price of a person's own. Model and From together are its identity.
type Override struct {
	Model  string
	From   string // first day, YYYY-MM-DD in UTC; "" = ever
	Until  string // last day, YYYY-MM-DD in UTC; "" = open
	Input  usage.Rate
	Output usage.Rate
	// What is nil of these was not given.
	CacheRead    *usage.Rate
	CacheWrite5m *usage.Rate
	CacheWrite1h *usage.Rate
	Free         bool // zeros are meant
	Note         string
}

// Currency is what amounts are shown in. They are stored in US dollars.
type Currency struct {
	Code    string         // ISO 4217, "USD" = as stored
	Rate    usage.Exchange // units of Code for a dollar
	Fetched bool           // Rate may be replaced by a fetched one; only ever true with Prices.Refresh
}

// Default is what holds without a file.
func Default() Settings {
	return Settings{Currency: Currency{Code: "USD", Rate: usage.OneToOne}}
}

// Warning says what in the file is not used, and why.
type Warning struct {
	Line int    // from 1; 0 = the file as a whole
	Key  string // "prices.refresh"
	Text string // a sentence without its full stop, Key included
}

// String gives line and text.
func (w Warning) String() string {
	if w.Line == 0 {
		return FileName + ": " + w.Text
	}
	return fmt.Sprintf("%s, line %d: %s", FileName, w.Line, w.Text)
}

// SyntaxError says that the file is no TOML.
type SyntaxError struct {
	Line int // from 1; 0 = not known
	Text string
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return "read " + FileName + ": " + e.Text
	}
	return fmt.Sprintf("read %s: line %d: %s", FileName, e.Line, e.Text)
}

// fingerprint tells one state of the file from another.
type fingerprint struct {
	there    bool
	size     int64
	modified time.Time
	info     fs.FileInfo // for os.SameFile
	content  [sha256.Size]byte
}

// Load reads the settings; a file that is not there stands for the usual ones. With an error
// the settings that come with it are the usual ones, and may be used; a *SyntaxError says that
// the file is no TOML.
func Load(path string) (Settings, []Warning, error) {
	text, print, err := readFile(path)
	if err != nil {
		s := Default()
		s.print = print
		return s, nil, err
	}
	s, warnings, err := read(text)
	s.print = print
	return s, warnings, err
}

// Changed says whether the file at path may be another than the one these settings were
// loaded from. It costs one look at the file's size, time and identity.
func (s *Settings) Changed(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return s.print.there == errors.Is(err, fs.ErrNotExist)
	}
	p := &s.print
	return !p.there || p.info == nil || info.Size() != p.size || !info.ModTime().Equal(p.modified) || !os.SameFile(info, p.info)
}

func readFile(path string) (string, fingerprint, error) {
	fail := func(err error) (string, fingerprint, error) {
		return "", fingerprint{there: true}, fmt.Errorf("read %s: %w", FileName, err)
	}
	// Looked at before it is opened: to open a pipe would wait for its writer.
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fingerprint{}, nil
	}
	if err != nil {
		return fail(err)
	}
	if !info.Mode().IsRegular() {
		return fail(errors.New("it is not a file"))
	}
	file, err := os.Open(path)
	if err != nil {
		return fail(err)
	}
	defer file.Close()
	// The time is taken before the content: a write in between shows as a change later.
	if info, err = file.Stat(); err != nil {
		return fail(err)
	}
	text, err := io.ReadAll(io.LimitReader(file, largestFile+1))
	if err != nil {
		return fail(err)
	}
	print := fingerprint{there: true, size: info.Size(), modified: info.ModTime(), info: info, content: sha256.Sum256(text)}
	if len(text) > largestFile {
		return "", print, fmt.Errorf("read %s: it is larger than %d KiB", FileName, largestFile>>10)
	}
	return string(text), print, nil
}

// Path is where the settings of a data folder are.
func Path(dataDir string) string { return filepath.Join(dataDir, FileName) }
