package link

import (
	"bytes"
	"encoding/json"
	"net"
	"testing"
)

// FuzzMessage hands any bytes to either end of a connection. A line that is a message arrives
// as encoding/json reads it, one that is not ends the connection in words; and what arrived
// can be sent on and arrives again as it was.
func FuzzMessage(f *testing.F) {
	for _, line := range []string{`{"do":"open","page":"live"}`, `{"do":1}`, "\x00", `{"meter":{"a":[1,2]}}`, `{"do":"pong","pid":-1,"headless":true}`, `null`, `[]`, "{}\r", `{"do":"x","do":"y","DO":"z"}`} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		receive := func(line []byte) (Message, error) {
			here, there := net.Pipe()
			c := newConn(here)
			defer c.end()
			go func() {
				_, _ = there.Write(line)
				there.Close()
			}()
			return c.Receive()
		}
		if bytes.IndexByte(line, '\n') >= 0 {
			line = line[:bytes.IndexByte(line, '\n')]
		}
		got, err := receive(append(bytes.Clone(line), '\n'))
		var want Message
		if wantErr := json.Unmarshal(line, &want); (wantErr != nil) != (err != nil) {
			t.Fatalf("%q: %v, want %v", line, err, wantErr)
		}
		if err != nil {
			if got.Do != "" || got.Meter != nil {
				t.Fatalf("%q: %+v beside %v", line, got, err)
			}
			return
		}
		sent, err := json.Marshal(got)
		if err != nil || len(sent)+1 > MaxLine {
			return // Send refuses it
		}
		again, err := receive(append(sent, '\n'))
		if err != nil || again.Do != got.Do || again.Page != got.Page || again.Text != got.Text || again.Pid != got.Pid || again.Build != got.Build || again.Headless != got.Headless {
			t.Fatalf("%+v arrives as %+v, %v", got, again, err)
		}
	})
}
