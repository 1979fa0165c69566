package platform

import "strings"

// windowEnvironment is environ for the window program. Fyne complains on standard error
// about a locale such as C.UTF-8, which is no language; it then gets plain C for messages
// and keeps the rest.
func windowEnvironment(environ []string) []string {
	values := map[string]string{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			values[name] = value
		}
	}
	locale := ""
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if locale = values[name]; locale != "" {
			break
		}
	}
	language, _, coded := strings.Cut(locale, ".")
	if !coded || language != "C" && language != "POSIX" {
		return environ
	}
	kept := make([]string, 0, len(environ)+2)
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		switch {
		case name == "LC_MESSAGES", name == "LANGUAGE", name == "LC_ALL":
		case name == "LANG" && values["LC_ALL"] != "":
		default:
			kept = append(kept, entry)
		}
	}
	if values["LC_ALL"] != "" {
		kept = append(kept, "LANG="+locale)
	}
	return append(kept, "LC_MESSAGES=C")
}
