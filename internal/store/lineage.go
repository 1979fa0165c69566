package store

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"tokenmeter/internal/usage"
)

// Unsettled lists the threads whose lineage may have changed since the last Settle: they
// have parents, and rows of theirs or of their kin were written. Kin are the ancestors
// that were read, and the threads with a common ancestor and the same first row (no others
// can have a leading run in common); a thread's own descendants are not among them.
func (t *Tx) Unsettled(agent usage.AgentID) ([]Family, error) {
	families, err := t.unsettled(agent)
	if err != nil {
		return nil, fmt.Errorf("find unsettled threads: %w", err)
	}
	return families, nil
}

func (t *Tx) unsettled(agent usage.AgentID) ([]Family, error) {
	if err := t.flush(); err != nil {
		return nil, err
	}
	id, err := t.w.agent(agent)
	if err != nil {
		return nil, err
	}
	f := &forest{t: t, agent: agent, id: id, names: map[string]*member{}, parents: map[string][]string{}, children: map[string][]string{}, byFirst: map[string]map[int64][]string{}}

	// What earlier transactions left open, and what this one touched.
	type change struct {
		name string
		from int64
	}
	var changes []change
	var open []string
	stored := false
	err = t.w.conn.each("SELECT str.s, dirty, unsettled FROM thread JOIN str ON str.id=thread.name WHERE agent=? AND (dirty IS NOT NULL OR unsettled)",
		func(v []driver.Value) error {
			if v[1] != nil {
				changes, stored = append(changes, change{text(v[0]), integer(v[1])}), true
			}
			if integer(v[2]) != 0 {
				open = append(open, text(v[0]))
			}
			return nil
		}, id)
	if err != nil {
		return nil, err
	}
	for key, th := range t.threads {
		if key.agent == agent && th.dirty != clean {
			changes = append(changes, change{key.name, th.dirty})
		}
	}
	for _, c := range changes {
		affected, err := f.affected(c.name, c.from)
		if err != nil {
			return nil, err
		}
		open = append(open, affected...)
	}
	if stored {
		if _, _, err := t.w.conn.exec("UPDATE thread SET dirty=NULL WHERE agent=? AND dirty IS NOT NULL", id); err != nil {
			return nil, err
		}
	}
	for _, c := range changes {
		if th := t.threads[threadName{agent, c.name}]; th != nil {
			th.dirty = clean
		}
	}

	slices.Sort(open)
	var families []Family
	for _, name := range slices.Compact(open) {
		family, err := f.family(name)
		if err != nil {
			return nil, err
		}
		th, err := t.thread(agent, name)
		if err != nil {
			return nil, err
		}
		th.unsettled = true
		families = append(families, family)
	}
	return families, nil
}

// forest walks the threads of an agent along their parents, and remembers what it saw.
type forest struct {
	t        *Tx
	agent    usage.AgentID
	id       int64
	names    map[string]*member
	parents  map[string][]string
	children map[string][]string
	byFirst  map[string]map[int64][]string // by ancestors, then by the print of the first row
}

// member is a thread in the forest; read is false for one that others name only.
type member struct {
	read  bool
	kin   usage.Kin
	rows  int64
	first int64 // print of the first row
	full  bool  // kin.Prints is filled in
}

func (f *forest) member(name string) (*member, error) {
	if m, ok := f.names[name]; ok {
		return m, nil
	}
	m := &member{}
	f.names[name] = m
	w := f.t.w
	nameID, err := w.str(name)
	if err != nil {
		return nil, err
	}
	v, err := w.conn.first("SELECT id FROM thread WHERE agent=? AND name=?", f.id, nameID)
	if err != nil || v == nil {
		return m, err
	}
	th, err := f.t.thread(f.agent, name)
	if err != nil {
		return nil, err
	}
	m.read = true
	if m.kin.Thread, err = w.lineage(th); err != nil {
		return nil, err
	}
	v, err = w.conn.first("SELECT (SELECT print FROM mark WHERE thread=?1 AND ordinal=0), (SELECT max(ordinal)+1 FROM mark WHERE thread=?1)", th.id)
	if err != nil {
		return nil, err
	}
	m.first, m.rows = integer(v[0]), integer(v[1])
	return m, nil
}

// prints fills in the rows of a member, up to the first one that was not read.
func (f *forest) prints(m *member) error {
	if m.full {
		return nil
	}
	th, err := f.t.thread(f.agent, m.kin.ID)
	if err != nil {
		return err
	}
	m.kin.Prints = make([]uint64, 0, m.rows)
	err = f.t.w.conn.each("SELECT ordinal, print FROM mark WHERE thread=? ORDER BY ordinal", func(v []driver.Value) error {
		if integer(v[0]) == int64(len(m.kin.Prints)) {
			m.kin.Prints = append(m.kin.Prints, uint64(integer(v[1])))
		}
		return nil
	}, th.id)
	m.full = err == nil
	return err
}

func (f *forest) neighbours(memory map[string][]string, query, name string) ([]string, error) {
	if found, ok := memory[name]; ok {
		return found, nil
	}
	nameID, err := f.t.w.str(name)
	if err != nil {
		return nil, err
	}
	var found []string
	err = f.t.w.conn.each(query, func(v []driver.Value) error {
		found = append(found, text(v[0]))
		return nil
	}, f.id, nameID)
	memory[name] = found
	return found, err
}

func (f *forest) above(name string) ([]string, error) {
	return f.neighbours(f.parents, "SELECT str.s FROM parent JOIN str ON str.id=parent.name WHERE agent=? AND child=? ORDER BY position", name)
}

func (f *forest) below(name string) ([]string, error) {
	return f.neighbours(f.children, "SELECT DISTINCT str.s FROM parent JOIN str ON str.id=parent.child WHERE agent=? AND parent.name=? ORDER BY 1", name)
}

// reach lists all that can be reached from the names by steps, without them.
func reach(from []string, step func(string) ([]string, error)) ([]string, error) {
	seen := map[string]bool{}
	for _, name := range from {
		seen[name] = true
	}
	var found []string
	for todo := slices.Clone(from); len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		next, err := step(name)
		if err != nil {
			return nil, err
		}
		for _, n := range next {
			if !seen[n] {
				seen[n] = true
				found, todo = append(found, n), append(todo, n)
			}
		}
	}
	return found, nil
}

// relatives are the ancestors of a thread, nearest first, and its descendants.
func (f *forest) relatives(name string) (ancestors, descendants []string, err error) {
	if ancestors, err = reach([]string{name}, f.above); err != nil {
		return nil, nil, err
	}
	descendants, err = reach([]string{name}, f.below)
	return ancestors, descendants, err
}

// peers are the other threads that have one of the ancestors and the same first row. A
// conversation may have thousands of sub-agents, so they are sorted by that row once.
func (f *forest) peers(name string, m *member, ancestors, descendants []string) ([]string, error) {
	if len(ancestors) == 0 || m.rows == 0 {
		return nil, nil
	}
	key := strings.Join(ancestors, "\n")
	byFirst, ok := f.byFirst[key]
	if !ok {
		all, err := reach(ancestors, f.below)
		if err != nil {
			return nil, err
		}
		byFirst = map[int64][]string{}
		for _, n := range all {
			other, err := f.member(n)
			if err != nil {
				return nil, err
			}
			if other.read && other.rows > 0 {
				byFirst[other.first] = append(byFirst[other.first], n)
			}
		}
		f.byFirst[key] = byFirst
	}
	var found []string
	for _, n := range byFirst[m.first] {
		if n != name && !slices.Contains(ancestors, n) && !slices.Contains(descendants, n) {
			found = append(found, n)
		}
	}
	return found, nil
}

// affected lists the threads to ask again after rows of one were written, from a certain
// one on. Copies begin with the first row, so rows beyond another's end say nothing of it.
func (f *forest) affected(name string, from int64) ([]string, error) {
	m, err := f.member(name)
	if err != nil {
		return nil, err
	}
	ancestors, descendants, err := f.relatives(name)
	if err != nil {
		return nil, err
	}
	var found []string
	if len(ancestors) > 0 && !(m.kin.Exact && from >= int64(m.kin.Inherited) && from > 0) {
		found = append(found, name)
	}
	peers, err := f.peers(name, m, ancestors, descendants)
	if err != nil {
		return nil, err
	}
	for _, n := range append(descendants, peers...) {
		other, err := f.member(n)
		if err != nil {
			return nil, err
		}
		if other.read && other.rows > from {
			found = append(found, n)
		}
	}
	return found, nil
}

func (f *forest) family(name string) (Family, error) {
	m, err := f.member(name)
	if err != nil {
		return Family{}, err
	}
	if err := f.prints(m); err != nil {
		return Family{}, err
	}
	family := Family{Child: m.kin}
	ancestors, descendants, err := f.relatives(name)
	if err != nil {
		return Family{}, err
	}
	peers, err := f.peers(name, m, ancestors, descendants)
	if err != nil {
		return Family{}, err
	}
	for _, n := range append(ancestors, peers...) {
		kin, err := f.member(n)
		if err != nil {
			return Family{}, err
		}
		if !kin.read {
			continue
		}
		if err := f.prints(kin); err != nil {
			return Family{}, err
		}
		family.Kin = append(family.Kin, kin.kin)
	}
	return family, nil
}
