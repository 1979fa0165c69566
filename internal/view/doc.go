// Package view turns answers into words, numbers and series: what tray, window and terminal
// show. They all ask here, so they all say the same.
//
// It owns every sentence and every number format of the product. It has no I/O, no state
// and no clock (the time is the snapshot's), and knows nothing of Fyne. Every function is
// pure and may be called from any goroutine. Tested as JSON against golden files.
package view
