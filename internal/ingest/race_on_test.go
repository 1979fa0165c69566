//go:build race

package ingest_test

// raced: the race detector makes everything larger and slower.
const raced = true
