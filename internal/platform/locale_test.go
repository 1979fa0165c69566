package platform

import (
	"slices"
	"testing"
)

func TestWindowIsSparedALocaleThatIsNoLanguage(t *testing.T) {
	for _, c := range []struct {
		name       string
		from, want []string
	}{
		{"a language stays", []string{"LANG=de_DE.UTF-8", "A=b"}, []string{"LANG=de_DE.UTF-8", "A=b"}},
		{"plain C stays", []string{"LANG=C"}, []string{"LANG=C"}},
		{"nothing set", []string{"A=b"}, []string{"A=b"}},
		{"LANG", []string{"LANG=C.UTF-8", "A=b"}, []string{"LANG=C.UTF-8", "A=b", "LC_MESSAGES=C"}},
		{"LC_ALL covers LANG", []string{"LANG=de_DE.UTF-8", "LC_ALL=C.UTF-8"}, []string{"LANG=C.UTF-8", "LC_MESSAGES=C"}},
		{"LC_MESSAGES covers LANG", []string{"LANG=de_DE.UTF-8", "LC_MESSAGES=POSIX.UTF-8"}, []string{"LANG=de_DE.UTF-8", "LC_MESSAGES=C"}},
		{"LANGUAGE alone", []string{"LANG=C.UTF-8", "LANGUAGE=de:en"}, []string{"LANG=C.UTF-8", "LC_MESSAGES=C"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := windowEnvironment(c.from); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
