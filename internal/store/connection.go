package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/mattn/go-sqlite3"
)

// connection is the writing connection. It goes past database/sql, which would add a third
// to the time of each insert. Statements are prepared once and kept.
type connection struct {
	conn       *sqlite3.SQLiteConn
	statements map[string]*statement
}

func connect(dsn string) (*connection, error) {
	conn, err := (&sqlite3.SQLiteDriver{}).Open(dsn)
	if err != nil {
		return nil, err
	}
	c, ok := conn.(*sqlite3.SQLiteConn)
	if !ok {
		return nil, fmt.Errorf("open sqlite: unexpected connection %T", conn)
	}
	return &connection{conn: c, statements: map[string]*statement{}}, nil
}

func (c *connection) close() error {
	for _, s := range c.statements {
		s.stmt.Close()
	}
	return c.conn.Close()
}

// script runs statements without arguments.
func (c *connection) script(text string) error {
	_, err := c.conn.ExecContext(context.Background(), text, nil)
	return err
}

// statement is a prepared statement with room for its arguments and one row.
type statement struct {
	stmt *sqlite3.SQLiteStmt
	args []driver.NamedValue
	row  []driver.Value
}

// prepare returns the statement for text, which must be one of a bounded set.
func (c *connection) prepare(text string) (*statement, error) {
	if s, ok := c.statements[text]; ok {
		return s, nil
	}
	prepared, err := c.conn.Prepare(text)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", text, err)
	}
	stmt, ok := prepared.(*sqlite3.SQLiteStmt)
	if !ok {
		return nil, fmt.Errorf("prepare %q: unexpected statement %T", text, prepared)
	}
	s := &statement{stmt: stmt, args: make([]driver.NamedValue, stmt.NumInput())}
	for i := range s.args {
		s.args[i].Ordinal = i + 1
	}
	c.statements[text] = s
	return s, nil
}

// exec runs a statement and returns how many rows it changed and the last row's id.
func (c *connection) exec(text string, args ...driver.Value) (changes, id int64, err error) {
	s, err := c.prepare(text)
	if err != nil {
		return 0, 0, err
	}
	return s.exec(args...)
}

// each calls f for every row of the answer; values are valid during the call.
func (c *connection) each(text string, f func(row []driver.Value) error, args ...driver.Value) error {
	s, err := c.prepare(text)
	if err != nil {
		return err
	}
	return s.each(f, args...)
}

// first returns the first row of the answer, nil if there is none. It is valid until the
// statement is used again.
func (c *connection) first(text string, args ...driver.Value) ([]driver.Value, error) {
	s, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	return s.first(args...)
}

func (s *statement) bind(args []driver.Value) error {
	if len(args) != len(s.args) {
		return fmt.Errorf("statement takes %d arguments, got %d", len(s.args), len(args))
	}
	for i, a := range args {
		// The driver binds its own few types only.
		value, err := driver.DefaultParameterConverter.ConvertValue(a)
		if err != nil {
			return fmt.Errorf("bind argument %d: %w", i+1, err)
		}
		s.args[i].Value = value
	}
	return nil
}

// The context is never one that can end: watching it would cost more than the statement.

func (s *statement) exec(args ...driver.Value) (changes, id int64, err error) {
	if err := s.bind(args); err != nil {
		return 0, 0, err
	}
	return s.run()
}

// run is exec with the arguments that are in s.args already.
func (s *statement) run() (changes, id int64, err error) {
	result, err := s.stmt.ExecContext(context.Background(), s.args)
	if err != nil {
		return 0, 0, err
	}
	changes, _ = result.RowsAffected()
	id, _ = result.LastInsertId()
	return changes, id, nil
}

func (s *statement) each(f func(row []driver.Value) error, args ...driver.Value) error {
	if err := s.bind(args); err != nil {
		return err
	}
	rows, err := s.stmt.QueryContext(context.Background(), s.args)
	if err != nil {
		return err
	}
	defer rows.Close()
	if n := len(rows.Columns()); len(s.row) != n {
		s.row = make([]driver.Value, n)
	}
	for {
		err := rows.Next(s.row)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(s.row); err != nil {
			return err
		}
	}
}

var errStop = errors.New("enough rows")

func (s *statement) first(args ...driver.Value) ([]driver.Value, error) {
	found := false
	err := s.each(func([]driver.Value) error { found = true; return errStop }, args...)
	if err != nil && !errors.Is(err, errStop) {
		return nil, err
	}
	if !found {
		return nil, nil
	}
	return s.row, nil
}

// integer reads a column that is NULL or an integer; NULL gives 0.
func integer(v driver.Value) int64 {
	n, _ := v.(int64)
	return n
}

// real reads a column that is NULL or a number; NULL gives 0.
func real(v driver.Value) float64 {
	f, _ := v.(float64)
	return f
}

// text reads a column that is NULL or text; NULL gives "".
func text(v driver.Value) string {
	s, _ := v.(string)
	return s
}

// blob reads a column that is NULL or a blob. The driver's bytes are the caller's own.
func blob(v driver.Value) []byte {
	b, _ := v.([]byte)
	return b
}
