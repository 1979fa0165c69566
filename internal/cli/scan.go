package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tokenmeter/internal/report"
	"tokenmeter/internal/view"
)

// scanDocument is what `scan --json` prints.
type scanDocument struct {
	Agents []scanAgent `json:"agents"`
	// FilesRead are the files that were looked into, BytesRead what was new in them.
	FilesRead int   `json:"filesRead"`
	BytesRead int64 `json:"bytesRead"`
	// MeterRunning: a running meter takes in what is new, so this command read nothing.
	MeterRunning bool `json:"meterRunning"`
}

type scanAgent struct {
	Agent        string  `json:"agent"`
	Name         string  `json:"name"`
	Found        bool    `json:"found"`
	Files        int64   `json:"files"`
	Requests     int64   `json:"requests"`
	FirstAt      *string `json:"firstAt"`
	LastAt       *string `json:"lastAt"`
	SkippedLines int64   `json:"skippedLines"`
}

func scanAgentOf(a report.AgentState) scanAgent {
	return scanAgent{
		Agent: string(a.ID), Name: a.Name, Found: a.Found, Files: a.Files, Requests: a.Events,
		FirstAt: instant(a.First), LastAt: instant(a.Last), SkippedLines: skippedLines(a),
	}
}

func skippedLines(a report.AgentState) int64 {
	var sum int64
	for _, n := range a.Skipped {
		sum += n
	}
	return sum
}

func scanCommand(c *Context) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "scan",
		Short: "Read all that is new once, and say what was found",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := openFor(cmd, c)
			if err != nil {
				return err
			}
			defer d.close()
			s, err := d.report.Snapshot(cmd.Context(), d.meter())
			d.close()
			if err != nil {
				return err
			}
			if asJSON {
				doc := scanDocument{Agents: []scanAgent{}, FilesRead: d.took.FilesDone, BytesRead: d.took.BytesDone, MeterRunning: d.kept}
				for _, a := range s.Agents {
					doc.Agents = append(doc.Agents, scanAgentOf(a))
				}
				return errors.Join(printJSON(c.Stdout, doc), d.incomplete)
			}
			if e := view.EmptyPage(s); e != nil {
				if d.incomplete == nil {
					printEmpty(c.Stdout, e)
				}
				return d.incomplete
			}
			t := table{left: 1}
			t.add("Agent", "Files", "Requests", "First", "Last", "Skipped")
			t.rule()
			for _, a := range s.Agents {
				if !a.Found {
					continue
				}
				first, last := view.Dash, view.Dash
				if !a.First.IsZero() {
					first, last = a.First.Format("2006-01-02"), a.Last.Format("2006-01-02 15:04")
				}
				t.add(a.Name, view.Exact(a.Files), view.Exact(a.Events), first, last, view.Exact(skippedLines(a)))
			}
			t.print(c.Stdout, "")
			switch {
			case d.kept:
				fmt.Fprintln(c.Stdout, "\nThe running meter keeps this current.")
			case d.took.FilesDone == 0 || d.took.BytesDone == 0: // looked at again only because they are so young
				fmt.Fprintln(c.Stdout, "\nNothing new since the last look.")
			default:
				fmt.Fprintf(c.Stdout, "\nRead %s that was new.\n", view.Bytes(d.took.BytesDone))
			}
			return d.incomplete
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}
