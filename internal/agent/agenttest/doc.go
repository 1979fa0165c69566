// Package agenttest is the one suite that every agent's reader passes (Run, Fuzz), and the
// folding of facts into what a store must end up with (Fold), which other rooms' tests
// compare with.
//
// It owns the meaning of a correct reader: the same answer for whole and split files, in any
// order, twice, from a copied root, and through damage. Only tests may use it. It keeps no
// state; Run and Fuzz may be called from one goroutine each. It is tested by the readers'
// tests, and by its own, in which readers with a fault must fail.
package agenttest
