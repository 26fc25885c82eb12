package live

// message is one frame waiting to be written, whole and in order.
type message struct {
	text bool
	data []byte
}

// queue holds the messages of one connection that are still to be written. An
// empty queue holds no memory, since nearly all connections are idle.
type queue struct {
	items []message
	head  int // items before it have been taken
}

// len gives the number of waiting messages.
func (q *queue) len() int { return len(q.items) - q.head }

// push appends m, unless QueueMax messages wait already.
func (q *queue) push(m message) bool {
	if q.len() >= QueueMax {
		return false
	}
	if q.head > 0 && len(q.items) == cap(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, m)
	return true
}

// pop takes the oldest message; the queue must not be empty.
func (q *queue) pop() message {
	m := q.items[q.head]
	q.items[q.head] = message{}
	q.head++
	if q.len() == 0 {
		*q = queue{}
	}
	return m
}
