//go:build !linux || !cgo

package platform

func trimHeap() {}
