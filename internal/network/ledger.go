package network

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofrs/flock"
)

// LedgerName is the name of the ledger in the data folder.
const LedgerName = "network.jsonl"

const (
	largestLedger  = 256 << 10
	longestOutcome = 300
	ledgerWait     = 5 * time.Second
	ledgerRetry    = 20 * time.Millisecond
)

// Entry is one attempt to reach a host.
type Entry struct {
	Time     time.Time // when it began
	Host     string    // with the port, if it is not the usual one; or the program that was started
	Path     string    // without the query
	Purpose  string
	Done     bool          // false: cut short, or running; what follows is then empty
	Bytes    int64         // of the body, or of all that the program said
	Sent     int64         // bytes said to the program
	Duration time.Duration // to the millisecond
	Outcome  string        // "ok", "not modified", "redirected to …", "failed: …"
}

// line is one line of the file: a beginning, or the end of the attempt with the same ID.
type line struct {
	ID       string    `json:"id"`
	Time     time.Time `json:"time"`
	Host     string    `json:"host,omitempty"`
	Path     string    `json:"path,omitempty"`
	Purpose  string    `json:"purpose,omitempty"`
	Outcome  string    `json:"outcome,omitempty"`
	Bytes    int64     `json:"bytes,omitempty"`
	Sent     int64     `json:"sent,omitempty"`
	Duration int64     `json:"duration_ms,omitempty"`
}

// Ledger reads a ledger, newest first. A file that is not there is an empty one; lines that
// are torn or no ledger's are passed over.
func Ledger(path string) ([]Entry, error) {
	text, err := tail(path)
	if err != nil {
		return nil, fmt.Errorf("read network ledger: %w", err)
	}
	var entries []Entry
	open := map[string]int{}
	for raw := range bytes.SplitSeq(text, []byte("\n")) {
		var l line
		if json.Unmarshal(raw, &l) != nil || l.ID == "" {
			continue
		}
		if l.Outcome == "" {
			if l.Host == "" {
				continue
			}
			open[l.ID] = len(entries)
			entries = append(entries, Entry{Time: l.Time, Host: l.Host, Path: l.Path, Purpose: l.Purpose})
		} else if i, ok := open[l.ID]; ok {
			e := &entries[i]
			e.Done, e.Bytes, e.Sent, e.Duration, e.Outcome = true, max(l.Bytes, 0), max(l.Sent, 0), milliseconds(l.Duration), l.Outcome
			delete(open, l.ID)
		}
	}
	slices.Reverse(entries)
	slices.SortStableFunc(entries, func(a, b Entry) int { return cmp.Compare(b.Time.UnixNano(), a.Time.UnixNano()) })
	return entries, nil
}

// milliseconds keeps what a stranger wrote within what a duration holds.
func milliseconds(n int64) time.Duration {
	const most = int64(24 * time.Hour / time.Millisecond)
	return time.Duration(min(max(n, 0), most)) * time.Millisecond
}

// tail reads what a ledger may hold at most, from the end.
func tail(path string) ([]byte, error) {
	info, err := os.Stat(path) // to open a pipe would wait for its writer
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, err
	}
	if over := info.Size() - 2*largestLedger; over > 0 {
		if _, err := file.Seek(over, io.SeekStart); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(io.LimitReader(file, 2*largestLedger))
}

type ledger struct{ path string }

// begin writes that an attempt begins, so that it lasts, and gives its identity.
func (l *ledger) begin(at time.Time, host, path, purpose string) (id string, err error) {
	id = rand.Text()
	return id, l.append(line{ID: id, Time: at.UTC(), Host: short(host), Path: short(path), Purpose: short(purpose)})
}

// end writes how an attempt ended.
func (l *ledger) end(id string, begun time.Time, took time.Duration, size, sent int64, outcome string) error {
	return l.append(line{ID: id, Time: begun.UTC(), Outcome: short(outcome), Bytes: size, Sent: sent, Duration: max(took, 0).Milliseconds()})
}

func short(text string) string {
	if len(text) <= longestOutcome {
		return text
	}
	cut := longestOutcome
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

func (l *ledger) append(next line) error {
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), ledgerWait)
	defer cancel()
	lock := flock.New(strings.TrimSuffix(l.path, filepath.Ext(l.path))+".lock", flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	defer lock.Close()
	if ok, err := lock.TryLockContext(ctx, ledgerRetry); !ok {
		return fmt.Errorf("another program is writing it: %w", err)
	}
	if err := l.shrink(int64(len(text))); err != nil {
		return err
	}
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if size := info.Size(); size > 0 {
		// A line that was torn by a crash must not swallow this one.
		var last [1]byte
		if _, err := file.ReadAt(last[:], size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			text = append([]byte("\n"), text...)
		}
	}
	if _, err := file.Write(text); err != nil {
		return err
	}
	return file.Sync()
}

// shrink makes place for more bytes: of a full ledger the newer half stays.
func (l *ledger) shrink(more int64) error {
	info, err := os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size()+more+2 <= largestLedger {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := tail(l.path)
	if err != nil {
		return err
	}
	text = text[max(0, len(text)-largestLedger/2):]
	if n := bytes.IndexByte(text, '\n'); n >= 0 {
		text = text[n+1:]
	} else {
		text = nil
	}
	file, err := os.CreateTemp(filepath.Dir(l.path), ".network-*") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), l.path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}
