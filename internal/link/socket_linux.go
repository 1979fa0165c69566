package link

import (
	"fmt"
	"os"
	"path/filepath"
)

// shorten gives an address for path that the system takes, however deep its folder lies:
// through a descriptor of the folder. It holds until release.
func shorten(path string) (address string, release func(), err error) {
	if len(path) <= maxAddress {
		return path, func() {}, nil
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), filepath.Base(path)), func() { folder.Close() }, nil
}
