//go:build linux && cgo

package platform

// #include <stdlib.h>
// #ifdef __GLIBC__
// #include <malloc.h>
// static void trim(void) { malloc_trim(0); }
// #else
// static void trim(void) {}
// #endif
import "C"

// trimHeap makes the C library return what SQLite freed; by itself it keeps that for ever.
func trimHeap() { C.trim() }
