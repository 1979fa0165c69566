package ingest_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// TestAnImportLeavesNoMemoryBehind: what Run holds once it waits for events is what it knows
// of each file, not what it took to find that out.
func TestAnImportLeavesNoMemoryBehind(t *testing.T) {
	if raced {
		t.Skip("the race detector keeps memory of its own")
	}
	const files, folders = 3000, 30
	m := newMachine(t)
	filler := `{"type":"user","text":"` + strings.Repeat("and so on ", 700) + `"}` + "\n"
	for i := range files {
		m.append(fmt.Sprintf(".claude/projects/-w-%d/conversation-%04d.jsonl", i%folders, i), filler, line(i))
	}
	before := heap(true)
	stop := m.run()
	m.awaitRequests(files)
	m.await("the end of the import", func() bool { return !m.ingest.Progress().Running })
	m.catchUp() // answered only when Run waits
	after := heap(false)
	stop()

	// A file is some 500 bytes here, with its folder and its place in a map.
	if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > files*800 {
		t.Errorf("%d bytes a file are in use after an import, want at most 800", grown/files)
	}
	if kept := after.HeapIdle - after.HeapReleased; kept > 6<<20 {
		t.Errorf("%d bytes were not given back to the system", kept)
	}
}

// heap is the state of the heap, with clean: after all garbage was collected.
func heap(clean bool) (m runtime.MemStats) {
	if clean {
		runtime.GC()
		debug.FreeOSMemory()
	}
	runtime.ReadMemStats(&m)
	return m
}
