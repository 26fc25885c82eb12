package match

import "rally"

// Rename has every match that user plays or has played in, as far as it can be
// found, call them by another name. When it returns, Find shows it; for a match
// that goes on rally.MatchChanged is published.
func (r *Registry) Rename(user rally.UserID, name string) {
	r.mu.RLock()
	var theirs []*match
	for _, m := range r.matches {
		if m.sideOf(user) != rally.NoSide {
			theirs = append(theirs, m)
		}
	}
	r.mu.RUnlock()
	for _, m := range theirs {
		_ = m.loop.call(func() error { // once the loops have ended, nobody is told anything
			seat := &m.seats[m.sideOf(user)]
			if seat.Name != name {
				seat.Name = name
				m.scoreDue, m.changeDue = true, m.changeDue || m.phase != Over
				m.settle()
			}
			return nil
		})
	}
}

// Rename has somebody who waits play under another name.
func (mm *Matchmaker) Rename(user rally.UserID, name string) {
	mm.mu.Lock()
	defer mm.mu.Unlock()
	if e, ok := mm.entries[user]; ok {
		e.Name = name
	}
}
