//go:build !linux

package link

import "fmt"

func shorten(path string) (address string, release func(), err error) {
	if len(path) > maxAddress {
		return "", nil, fmt.Errorf("the path %s is longer than the %d bytes that a socket may have; choose a shorter --data-dir", path, maxAddress)
	}
	return path, func() {}, nil
}
