package frame

import (
	"strings"

	"tokenmeter/app/window/chart"
	"tokenmeter/app/window/theme"
	"tokenmeter/internal/view"
)

// Words are the words of the charts.
func Words() chart.Words { return chart.Words{Value: view.Tokens, Tick: view.Tick} }

// Series are the series of a view model as the charts take them.
func Series(list []view.Series) []chart.Series {
	series := make([]chart.Series, len(list))
	for i, x := range list {
		series[i] = chart.Series{Name: x.Name, Value: x.Value, Colour: theme.Slot(x.Slot)}
	}
	return series
}

// Column is a column of a view model as the chart takes it, without a label.
func Column(c view.Column) chart.Column {
	column := chart.Column{Values: c.Values, Below: c.Below, Absent: c.NoRecord, Title: c.Title, Total: c.Total, NoteName: c.Note}
	if i := strings.LastIndexByte(c.Note, ' '); i > 0 && !c.NoRecord {
		column.NoteName, column.NoteValue = c.Note[:i], c.Note[i+1:]
	}
	for _, p := range c.Parts {
		column.Parts = append(column.Parts, chart.Part(p))
	}
	return column
}
