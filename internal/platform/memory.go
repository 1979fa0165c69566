package platform

import "runtime/debug"

// ReleaseMemory gives the system back what this process holds and does not use. It takes
// some ten milliseconds.
func ReleaseMemory() {
	debug.FreeOSMemory()
	trimHeap()
}
