package auth

// Busy gives how many callers are hashing or waiting to.
func (p *Passwords) Busy() int { return int(p.waiting.Load()) + len(p.slots) }
