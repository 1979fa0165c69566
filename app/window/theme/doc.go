// Package theme is the look of the window: colours for light and dark, the type scale,
// distances and drawn icons.
//
// It owns the names of the design's tokens and their values, and gives them to Fyne as a
// fyne.Theme. It never reads the system: the caller says which variant is wanted, and
// when that changes. It knows nothing of tokens or agents, an agent is a slot of the
// palette.
//
// All of it is called on Fyne's goroutine; New and Theme.SetVariant may be called from any.
//
// Tested by theme_test.go: contrast of every text colour on every ground, all names have a
// value in both variants, digits are equally wide in every role.
package theme
