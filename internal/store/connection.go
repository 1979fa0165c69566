package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/mattn/go-sqlite3"
)

// connection is one connection to SQLite. It goes past database/sql, which would add a
// third to the time of each insert and more than that to each row of an answer. Statements
// are prepared once and kept. One goroutine may use it at a time.
type connection struct {
	conn       *sqlite3.SQLiteConn
	statements map[string]*statement
	ctx        context.Context // looked at now and then while rows are read; nil = none
}

// maxStatements is how many prepared statements a connection keeps from one transaction
// to the next.
const maxStatements = 100

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
	c.drop()
	return c.conn.Close()
}

// begin starts a transaction.
func (c *connection) begin(text string) error {
	if len(c.statements) > maxStatements {
		c.drop()
	}
	return c.script(text)
}

func (c *connection) drop() {
	for text, s := range c.statements {
		s.stmt.Close()
		delete(c.statements, text)
	}
}

// script runs statements without arguments.
func (c *connection) script(text string) error {
	_, err := c.conn.ExecContext(context.Background(), text, nil)
	return err
}

// statement is a prepared statement with room for its arguments and one row.
type statement struct {
	c    *connection
	stmt *sqlite3.SQLiteStmt
	args []driver.NamedValue
	row  []driver.Value
}

// prepare returns the statement for a text.
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
	s := &statement{c: c, stmt: stmt, args: make([]driver.NamedValue, stmt.NumInput())}
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
	if err := s.bind(args); err != nil {
		return 0, 0, err
	}
	return s.run()
}

// each calls f for every row of the answer; the slice is valid during the call.
func (c *connection) each(text string, f func(row []driver.Value) error, args ...driver.Value) error {
	s, err := c.prepare(text)
	if err != nil {
		return err
	}
	return s.each(f, args)
}

var errStop = errors.New("enough rows")

// first returns the first row of the answer, nil if there is none. It is valid until the
// statement is used again.
func (c *connection) first(text string, args ...driver.Value) ([]driver.Value, error) {
	s, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	found := false
	err = s.each(func([]driver.Value) error { found = true; return errStop }, args)
	if err != nil && !errors.Is(err, errStop) {
		return nil, err
	}
	if !found {
		return nil, nil
	}
	return s.row, nil
}

// number runs a query that answers with one integer.
func (c *connection) number(text string, args ...driver.Value) (int64, error) {
	row, err := c.first(text, args...)
	if err != nil || row == nil {
		return 0, err
	}
	return integer(row[0]), nil
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

// The contexts below are never ones that can end: the driver would start a goroutine for
// each statement, which costs more than most of them.

// run executes the statement with the arguments that are in s.args.
func (s *statement) run() (changes, id int64, err error) {
	result, err := s.stmt.ExecContext(context.Background(), s.args)
	if err != nil {
		return 0, 0, err
	}
	changes, _ = result.RowsAffected()
	id, _ = result.LastInsertId()
	return changes, id, nil
}

// write executes a statement of which neither the number of rows nor an id is wanted. The
// driver's way for queries takes all arguments, and the step, into C at once, where run goes
// there for each of them: that is half of the time of an insert.
func (s *statement) write() error {
	rows, err := s.stmt.QueryContext(context.Background(), s.args)
	if err != nil {
		return err
	}
	return rows.Close()
}

// insert is write for a row whose key may be taken; taken: it is, and nothing was done.
func (s *statement) insert() (taken bool, err error) {
	err = s.write()
	var e sqlite3.Error
	if errors.As(err, &e) && (e.ExtendedCode == sqlite3.ErrConstraintUnique || e.ExtendedCode == sqlite3.ErrConstraintPrimaryKey) {
		return true, nil
	}
	return false, err
}

func (s *statement) each(f func(row []driver.Value) error, args []driver.Value) error {
	if err := s.bind(args); err != nil {
		return err
	}
	rows, err := s.stmt.QueryContext(context.Background(), s.args)
	if err != nil {
		return err
	}
	defer rows.Close()
	if s.row == nil {
		s.row = make([]driver.Value, len(rows.Columns()))
	}
	for n := 0; ; n++ {
		if s.c.ctx != nil && n%256 == 0 {
			if err := s.c.ctx.Err(); err != nil {
				return err
			}
		}
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
