package ingest

import "context"

// SetSigns replaces the folder of signs.
func (in *Ingest) SetSigns(folder string) { in.o.Signs = folder }

// SetEventless replaces the judgement of file systems, as if a folder lay on a network.
func (in *Ingest) SetEventless(f func(path string) string) { in.eventless = f }

// NetLook is what happens at the rare look at everything.
func (in *Ingest) NetLook(ctx context.Context) error {
	if err := in.mendFuture(ctx); err != nil {
		return err
	}
	return in.Once(ctx)
}
