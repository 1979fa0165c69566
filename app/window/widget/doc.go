// Package widget holds the controls of the window: rail, card, tile, segmented control,
// table, chip, tag, banner, button, tooltip and empty state.
//
// A widget owns what it shows and raises callbacks; it never asks for data and knows
// nothing of tokens. Setters compare first: what changes nothing is not drawn again.
// Whatever can be clicked can be reached by keyboard and then wears a ring in the accent
// colour. All of it is used on Fyne's goroutine only.
//
// Tested by the tests beside it, and by the pictures of the pages.
package widget
