package ingest

// SetSigns replaces the folder of signs.
func (in *Ingest) SetSigns(folder string) { in.o.Signs = folder }

// SetEventless replaces the judgement of file systems, as if a folder lay on a network.
func (in *Ingest) SetEventless(f func(path string) string) { in.eventless = f }
