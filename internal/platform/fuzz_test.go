package platform

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// FuzzLocale gives the window any environment: nothing but the words of a locale is taken
// away, and what is left is changed no more when it is given again.
func FuzzLocale(f *testing.F) {
	for _, text := range []string{"LANG=C.UTF-8", "LC_ALL=C.UTF-8\nPATH=/bin", "LANG=de_DE.UTF-8", "LC_ALL=POSIX.x\nLANG=fr\nLC_MESSAGES=it", "=x", "LANG", "LANG=.\nLANGUAGE=C."} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		environ := strings.Split(text, "\n")
		got := windowEnvironment(environ)
		for _, entry := range environ {
			name, _, _ := strings.Cut(entry, "=")
			locale := name == "LANG" || name == "LANGUAGE" || name == "LC_ALL" || name == "LC_MESSAGES"
			if !locale && !slices.Contains(got, entry) {
				t.Fatalf("%q lost %q", environ, entry)
			}
		}
		if again := windowEnvironment(got); !slices.Equal(again, got) {
			t.Fatalf("%q, then %q", got, again)
		}
	})
}

// FuzzAppearance takes any word and value of the desktop's: the looks are one of those known.
func FuzzAppearance(f *testing.F) {
	f.Add("color-scheme", uint32(1), "")
	f.Add("contrast", uint32(1), "x")
	f.Add("color-scheme", uint32(1<<31), "dark")
	f.Fuzz(func(t *testing.T, key string, n uint32, other string) {
		var a, b Appearance
		a.set(key, dbus.MakeVariant(n))
		if a.Scheme != SchemeUnknown && a.Scheme != SchemeDark && a.Scheme != SchemeLight {
			t.Fatalf("%+v", a)
		}
		for _, value := range []any{other, int32(n), float64(n), []byte(other), dbus.MakeVariant(n)} {
			if b.set(key, dbus.MakeVariant(value)); b != (Appearance{}) {
				t.Fatalf("%T: %+v", value, b)
			}
		}
	})
}

// FuzzLoaderCache reads any bytes as the loader's cache.
func FuzzLoaderCache(f *testing.F) {
	f.Add([]byte("ld.so-1.7.0\x00/lib/libGL.so.1\x00libX11.so.6\x00/usr/lib/libX11.so.6"))
	f.Add([]byte("\x00/\x00.so\x00/x.so"))
	path := filepath.Join(f.TempDir(), "cache")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, library := range loaderCache(path) {
			if !filepath.IsAbs(library) || !strings.Contains(library, ".so") || strings.Contains(library, "\x00") || !strings.Contains(string(content), library) {
				t.Fatalf("%q", library)
			}
		}
	})
}

// FuzzZoneFile puts any bytes in the place of the machine's zone: the zone is one that works,
// or stays as it was.
func FuzzZoneFile(f *testing.F) {
	f.Add([]byte("TZif"))
	f.Add([]byte(""))
	if utc, err := os.ReadFile("/usr/share/zoneinfo/America/Santiago"); err == nil {
		f.Add(utc)
	}
	dir := f.TempDir()
	path := filepath.Join(dir, "localtime")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		now := zoneOf(path, time.UTC)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		zone := now()
		if zone == nil {
			t.Fatal("no zone")
		}
		for _, at := range []int64{0, 1_932_884_130, 1 << 36} {
			if local := time.Unix(at, 0).In(zone); local.Format(time.RFC1123) == "" || local.Unix() != at {
				t.Fatalf("%d is %s", at, local)
			}
		}
		if _, err := time.LoadLocationFromTZData("Local", content); err != nil && zone != time.UTC {
			t.Fatalf("a broken file changes the zone to %s", zone)
		}
	})
}
