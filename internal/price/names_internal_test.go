package price

import (
	"fmt"
	"strings"
	"testing"
)

func TestRememberedNamesAreBounded(t *testing.T) {
	shipped, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * mostKnown {
		shipped.resolve(fmt.Sprint("name-", i))
		shipped.resolve(strings.Repeat("n", longestName+i))
		if n := len(shipped.known); n > mostKnown {
			t.Fatalf("%d names are remembered, wanted at most %d", n, mostKnown)
		}
	}
	for name := range shipped.known {
		if len(name) > longestName {
			t.Fatalf("a name of %d bytes is remembered", len(name))
		}
	}
}
