package store

// Path is where the database lies, absolute.
func (s *Store) Path() string { return s.path }
