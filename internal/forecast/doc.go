// Package forecast says where an allowance window will stand at its reset, how sure that is,
// and how good such forecasts were.
//
// It owns the models and their score. A demand profile by the hour of the week, scaled by
// the present intensity, gives a band; a straight line, a straight line over work days and
// curves of earlier weeks are its rivals; the one that proved best is shown. Windows of a
// few hours compare themselves with earlier ones at the same age.
//
// Every function is pure and deterministic: nothing is random, nothing depends on the order
// of a map, the same data give the same figures bit for bit. Only what was known at the
// moment asked for is used, so a replay of the past is honest. It reads no clock, no file
// and no database. A Forecaster may be asked from any goroutine once it is built.
package forecast
