package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tokenmeter/internal/view"
)

// allowanceDocument is what `allowance --json` prints.
type allowanceDocument struct {
	Windows []statusWindow `json:"windows"`
}

func allowanceCommand(c *Context) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "allowance",
		Short: "What is left of each allowance window, until when, and whether it lasts",
		Args:  cobra.NoArgs,
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
				return errors.Join(printJSON(c.Stdout, allowanceDocument{statusWindowsOf(s.Windows)}), d.incomplete)
			}
			paragraphs := view.AllowanceSentences(s)
			if len(paragraphs) == 0 {
				fmt.Fprintln(c.Stdout, "No log says what your plan allows.")
				fmt.Fprintln(c.Stdout, "Codex logs it by itself; for Claude Code run `tokenmeter statusline install`.")
			}
			for i, sentences := range paragraphs {
				if i > 0 {
					fmt.Fprintln(c.Stdout)
				}
				for k, sentence := range sentences {
					indent := "  "
					if k == 0 {
						indent = ""
					}
					for _, line := range wrap(sentence, tableWidth-len(indent)) {
						fmt.Fprintln(c.Stdout, indent+line)
					}
				}
			}
			return d.incomplete
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}
