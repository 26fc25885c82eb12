package live

// Places gives how many users' places the hub remembers.
func (h *Hub) Places() int {
	h.keeper.mu.Lock()
	defer h.keeper.mu.Unlock()
	return len(h.keeper.users)
}
