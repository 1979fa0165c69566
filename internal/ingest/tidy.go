package ingest

import (
	"maps"
	"runtime"
	"strings"

	"tokenmeter/internal/platform"
	"tokenmeter/internal/store"
)

// tidy gives back the memory that only a first look or an import needed. A meter runs for
// days after it, and where tokens flow all day it is never quiet enough for core to do that.
// It is for a Run that has nothing left to read: a command ends soon anyway.
func (in *Ingest) tidy() {
	in.untidy = false
	in.bundles = bundles{}
	// A map keeps the room of all that was ever in it.
	in.busy = maps.Clone(in.busy)
	in.gone = maps.Clone(in.gone)
	in.pack()
	runtime.GC() // what lies in a pool outlives one collection
	platform.ReleaseMemory()
}

// pack lays what is known of the files side by side. It came file by file, amid things that
// are gone, and each would keep some kilobytes around it from being given back.
func (in *Ingest) pack() {
	paths, others := 0, 0
	for path, f := range in.files {
		paths += len(path)
		others += len(f.State) + len(f.Tail)
	}
	var text strings.Builder
	text.Grow(paths)
	content := make([]byte, 0, others)
	keep := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		from := len(content)
		content = append(content, b...)
		return content[from:len(content):len(content)]
	}
	files := make([]store.File, 0, len(in.files))
	packed := make(map[string]*store.File, len(in.files))
	for path, f := range in.files {
		from := text.Len()
		text.WriteString(path)
		kept := *f
		kept.Path = text.String()[from:]
		if strings.HasSuffix(path, f.Name) {
			kept.Name = kept.Path[len(path)-len(f.Name):]
		}
		kept.State, kept.Tail = keep(f.State), keep(f.Tail)
		files = append(files, kept)
		packed[kept.Path] = &files[len(files)-1]
	}
	in.files = packed
}
