package platform

import "time"

// For the tests: what MissingLibraries is made of.
func LoaderCache(path string) []string            { return loaderCache(path) }
func MissingIn(cached, folders []string) []string { return missingLibraries(cached, folders) }

// For the tests of what the window program gets.
func KeepAuthority(changed, original []string) []string { return keepAuthority(changed, original) }

// For the tests of a zone that changes.
func ZoneOf(path string, start *time.Location) func() *time.Location { return zoneOf(path, start) }
