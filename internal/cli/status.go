package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tokenmeter/internal/report"
	"tokenmeter/internal/view"
)

func statusCommand(c *Context) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "The glance: now, today, allowance",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := openFor(cmd, c)
			if err != nil {
				return err
			}
			defer d.close()
			s, err := d.snapshot(cmd.Context(), c)
			d.close()
			if err != nil {
				return err
			}
			if asJSON {
				return errors.Join(printJSON(c.Stdout, statusDocumentOf(s)), d.incomplete)
			}
			if e := view.EmptyPage(s); e == nil {
				printStatus(c.Stdout, s)
			} else if d.incomplete == nil {
				printEmpty(c.Stdout, e)
			}
			return d.incomplete
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// printStatus prints the glance.
func printStatus(w printer, s *report.Snapshot) {
	for _, sentence := range view.Glance(s) {
		for _, line := range wrap(sentence, tableWidth) {
			fmt.Fprintln(w, line)
		}
	}
}
