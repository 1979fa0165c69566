package statusline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

// Folder is the name of our folder in the data folder.
const Folder = "statusline"

const (
	// again: what has not changed is written again after this long, which tells that it still holds.
	again = 5 * time.Minute
	// tailBytes is how much of the end of the newest file is looked at: the last hundred lines or so.
	tailBytes = 16 << 10
)

// Capture is a line of the captures.
type Capture struct {
	Time usage.Millis
	Reading
}

// Captures are the last ones in a data folder, and where the next goes.
type Captures struct {
	dir  string
	list []Capture // in the order of the file
	torn bool      // the last line has no line feed
}

// Last reads the last captures. A folder that is missing, damaged or unreadable has none.
func Last(dataDir string, now time.Time) Captures {
	c := Captures{dir: filepath.Join(dataDir, Folder)}
	text := tail(monthFile(c.dir, now))
	c.torn = len(text) > 0 && text[len(text)-1] != '\n'
	c.list = captures(text)
	if len(c.list) == 0 {
		first := time.Date(now.UTC().Year(), now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
		c.list = captures(tail(monthFile(c.dir, first.Add(-time.Hour))))
	}
	return c
}

func monthFile(dir string, t time.Time) string {
	return filepath.Join(dir, t.UTC().Format("2006-01")+".jsonl")
}

// tail reads the end of a file from the beginning of a line on; nil if that cannot be.
func tail(path string) []byte {
	file, err := open(path, os.O_RDONLY)
	if err != nil {
		return nil
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	from := max(0, info.Size()-tailBytes)
	text := make([]byte, min(info.Size(), tailBytes))
	n, err := file.ReadAt(text, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	text = text[:n]
	if from > 0 {
		text = text[bytes.IndexByte(text, '\n')+1:]
	}
	return text
}

// open opens a regular file and nothing else, and waits for nobody.
func open(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags|noWait, 0o600)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = file.Close()
		return nil, cmp.Or(err, errors.New("it is not a regular file"))
	}
	return file, nil
}

func captures(text []byte) (list []Capture) {
	for line := range bytes.Lines(text) {
		if c, ok := parseCapture(line); ok {
			list = append(list, c)
		}
	}
	return list
}

// parseCapture reads a line of the captures; ok if it is one.
func parseCapture(line []byte) (c Capture, ok bool) {
	if agent.Valid(line) != nil {
		return c, false
	}
	var s agent.Scanner
	s.Reset(line)
	each(&s, func(key []byte) {
		switch string(key) {
		case "t":
			n, _ := s.Int()
			c.Time = usage.Millis(n)
		case "session":
			text, _ := s.Text()
			c.Session = string(text)
		case "five_hour":
			c.FiveHour = pair(&s)
		case "seven_day":
			c.SevenDay = pair(&s)
		case "model_scoped":
			if !s.Array() {
				return
			}
			for s.More() {
				var m Scoped
				each(&s, func(key []byte) {
					switch string(key) {
					case "name":
						text, _ := s.Text()
						m.Name = string(text)
					case "used":
						m.Used, _ = s.Float()
					case "resets":
						n, _ := s.Int()
						m.Resets = usage.Millis(n)
					default:
						s.Skip()
					}
				})
				c.Models = append(c.Models, m)
			}
		case "cost":
			if n, ok := s.Int(); ok {
				cost := usage.Micros(n)
				c.Cost = &cost
			}
		default:
			s.Skip()
		}
	})
	return c, c.Time > 0 && s.End()
}

// pair reads [used, resets].
func pair(s *agent.Scanner) (w *Window) {
	if !s.Array() {
		return nil
	}
	for i := 0; s.More(); i++ {
		switch i {
		case 0:
			if used, ok := s.Float(); ok {
				w = &Window{Used: used}
			}
		case 1:
			if n, _ := s.Int(); w != nil {
				w.Resets = usage.Millis(n)
			}
		default:
			s.Skip()
		}
	}
	return w
}

// Keep appends a reading, unless it says what the same session's last capture says.
func (c *Captures) Keep(now time.Time, r Reading) error {
	if r.FiveHour == nil && r.SevenDay == nil && len(r.Models) == 0 && r.Cost == nil {
		return nil
	}
	at := usage.Millis(now.UnixMilli())
	for _, last := range slices.Backward(c.list) {
		if last.Session != r.Session {
			continue
		}
		if age := at - last.Time; sameWindows(last.Reading, r) && age >= 0 && age < usage.Millis(again.Milliseconds()) {
			return nil
		}
		break
	}
	line := appendCapture(nil, Capture{at, r})
	if c.torn {
		line = append([]byte{'\n'}, line...)
	}
	if _, err := makeFolder(filepath.Dir(c.dir)); err != nil {
		return err
	}
	file, err := open(monthFile(c.dir, now), os.O_APPEND|os.O_CREATE|os.O_WRONLY)
	if err != nil {
		return fmt.Errorf("open captures: %w", err)
	}
	_, err = file.Write(line)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write capture: %w", err)
	}
	return nil
}

func sameWindows(a, b Reading) bool {
	same := func(a, b *Window) bool { return a == b || a != nil && b != nil && *a == *b }
	return same(a.FiveHour, b.FiveHour) && same(a.SevenDay, b.SevenDay) && slices.Equal(a.Models, b.Models)
}

// appendCapture appends a line of the captures.
func appendCapture(b []byte, c Capture) []byte {
	number := func(f float64) { b = strconv.AppendFloat(b, f, 'f', -1, 64) }
	b = append(b, `{"t":`...)
	b = strconv.AppendInt(b, int64(c.Time), 10)
	if c.Session != "" {
		b = append(b, `,"session":"`...)
		b = append(append(b, c.Session...), '"')
	}
	for _, w := range []struct {
		key string
		*Window
	}{{"five_hour", c.FiveHour}, {"seven_day", c.SevenDay}} {
		if w.Window == nil {
			continue
		}
		b = append(append(append(b, `,"`...), w.key...), `":[`...)
		number(w.Used)
		if w.Resets != 0 {
			b = append(b, ',')
			b = strconv.AppendInt(b, int64(w.Resets), 10)
		}
		b = append(b, ']')
	}
	for i, m := range c.Models {
		b = append(b, separator(i)...)
		name, _ := json.Marshal(m.Name) // text always can be
		b = append(append(append(b, `{"name":`...), name...), `,"used":`...)
		number(m.Used)
		if m.Resets != 0 {
			b = append(b, `,"resets":`...)
			b = strconv.AppendInt(b, int64(m.Resets), 10)
		}
		b = append(b, '}')
	}
	if len(c.Models) > 0 {
		b = append(b, ']')
	}
	if c.Cost != nil {
		b = append(b, `,"cost":`...)
		b = strconv.AppendInt(b, int64(*c.Cost), 10)
	}
	return append(b, "}\n"...)
}

// separator is what stands before the i-th window of a model.
func separator(i int) string {
	if i == 0 {
		return `,"model_scoped":[`
	}
	return ","
}
