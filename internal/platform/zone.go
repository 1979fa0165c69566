package platform

import (
	"bytes"
	"io/fs"
	"os"
	"sync"
	"time"

	"tokenmeter/internal/agent"
)

// zonePath is the file that holds the machine's time zone, on systems that have one.
const zonePath = "/etc/localtime"

// Zone gives a function that tells the machine's time zone as it is at each call: Go looks
// once for the life of a process, but a meter that runs for weeks travels with its person.
// A call costs one look at a file's times, and gives the same pointer while the zone is the
// same. Where the zone is set for this process only (TZ), or the system keeps it elsewhere
// (Windows), it is that of the start.
func Zone(env agent.Env) func() *time.Location {
	if env.OS == "windows" || env.Variable("TZ") != "" || time.Local.String() != "Local" {
		return func() *time.Location { return time.Local }
	}
	return zoneOf(zonePath, time.Local)
}

// zoneOf tells the zone in the file at path, which holds that of start now.
func zoneOf(path string, start *time.Location) func() *time.Location {
	z := &zoneFile{path: path, zone: start}
	z.seen, _ = os.Stat(path)
	z.text, _ = os.ReadFile(path)
	return z.now
}

type zoneFile struct {
	path string

	mu   sync.Mutex
	seen fs.FileInfo // of what was read last; nil: nothing yet
	text []byte      // what it held
	zone *time.Location
}

// now looks again. A file that is missing or half written leaves the zone as it was.
func (z *zoneFile) now() *time.Location {
	z.mu.Lock()
	defer z.mu.Unlock()
	info, err := os.Stat(z.path)
	if err != nil || z.seen != nil && os.SameFile(info, z.seen) && info.ModTime().Equal(z.seen.ModTime()) && info.Size() == z.seen.Size() {
		return z.zone
	}
	text, err := os.ReadFile(z.path)
	if err != nil {
		return z.zone
	}
	if bytes.Equal(text, z.text) {
		z.seen = info
		return z.zone
	}
	zone, err := time.LoadLocationFromTZData("Local", text)
	if err != nil {
		return z.zone
	}
	z.seen, z.text, z.zone = info, text, zone
	return zone
}
