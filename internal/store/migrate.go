package store

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

// One file for each version of the schema, numbered from 1 without a gap. A released file
// is never changed.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations returns the scripts in order; the first leads to version 1.
func migrations() ([]string, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	scripts := make([]string, len(names))
	for i, name := range names {
		if want := fmt.Sprintf("migrations/%04d.sql", i+1); name != want {
			return nil, fmt.Errorf("migration %s stands where %s is due", name, want)
		}
		script, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		scripts[i] = string(script)
	}
	return scripts, nil
}

// prepareSchema refuses what is not ours or not for us before anything is written, then
// turns on the write-ahead log and brings the schema up to date. It returns the journal
// mode that SQLite chose.
func prepareSchema(c *connection) (journal string, err error) {
	scripts, err := migrations()
	if err != nil {
		return "", err
	}
	version, err := checkSchema(c, scripts)
	if err != nil {
		return "", err
	}
	// The pragma does not fail where the mode cannot be had; it answers with the old one.
	row, err := c.first("PRAGMA journal_mode=WAL")
	if err != nil {
		return "", err
	}
	journal = text(row[0])
	if version == int64(len(scripts)) {
		return journal, nil
	}
	if err := c.script("BEGIN IMMEDIATE"); err != nil {
		return "", err
	}
	err = migrate(c, scripts)
	if err == nil {
		err = c.script("COMMIT")
	}
	if err != nil {
		c.script("ROLLBACK")
		return "", fmt.Errorf("bring schema to version %d: %w", len(scripts), err)
	}
	return journal, nil
}

func migrate(c *connection, scripts []string) error {
	// Again, now that no other process can be doing the same.
	version, err := checkSchema(c, scripts)
	if err != nil {
		return err
	}
	for ; version < int64(len(scripts)); version++ {
		if err := c.script(scripts[version]); err != nil {
			return fmt.Errorf("migration %d: %w", version+1, err)
		}
	}
	return c.script(fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d", applicationID, len(scripts)))
}

// checkSchema returns the version of the database; an empty file has version 0.
func checkSchema(c *connection, scripts []string) (version int64, err error) {
	id, err := c.number("PRAGMA application_id")
	if err != nil {
		return 0, err
	}
	if version, err = c.number("PRAGMA user_version"); err != nil {
		return 0, err
	}
	tables, err := c.number("SELECT count(*) FROM sqlite_schema WHERE sql IS NOT NULL")
	if err != nil {
		return 0, err
	}
	if id != applicationID {
		if id == 0 && version == 0 && tables == 0 {
			return 0, nil
		}
		return 0, ErrForeign
	}
	if version > int64(len(scripts)) {
		return 0, fmt.Errorf("schema version %d, this program knows %d: %w", version, len(scripts), ErrNewer)
	}
	// A migration that removes something has to be taken into account here.
	made := 0
	for _, script := range scripts[:max(version, 0)] {
		made += strings.Count("\n"+script, "\nCREATE ")
	}
	if version < 1 || tables < int64(made) {
		return 0, fmt.Errorf("%w: tables are missing", ErrDamaged)
	}
	return version, nil
}

// checkReadable is checkSchema for a database that must not be changed.
func checkReadable(c *connection) error {
	scripts, err := migrations()
	if err != nil {
		return err
	}
	version, err := checkSchema(c, scripts)
	if err != nil {
		return err
	}
	if version < int64(len(scripts)) {
		return fmt.Errorf("schema version %d, this program knows %d: %w", version, len(scripts), ErrOlder)
	}
	return nil
}
