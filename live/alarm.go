package live

import (
	"container/heap"
	"time"
)

// alarm says when a person is to be looked at again.
type alarm struct {
	at    time.Duration
	index int // in alarms; -1: never
}

// alarms holds those who are to be looked at again, the first in front.
type alarms []*person

// set has p looked at again at a time; never, if that is longAgo.
func (a *alarms) set(p *person, at time.Duration) {
	switch {
	case at == longAgo && p.alarm.index >= 0:
		heap.Remove(a, p.alarm.index)
	case at == longAgo:
	case p.alarm.index < 0:
		p.alarm.at = at
		heap.Push(a, p)
	case p.alarm.at != at:
		p.alarm.at = at
		heap.Fix(a, p.alarm.index)
	}
}

// due takes somebody whose time has come; nil for nobody.
func (a *alarms) due(now time.Duration) *person {
	if len(*a) == 0 || (*a)[0].alarm.at > now {
		return nil
	}
	return heap.Pop(a).(*person)
}

// The methods of heap.Interface.

func (a *alarms) Len() int           { return len(*a) }
func (a *alarms) Less(i, j int) bool { return (*a)[i].alarm.at < (*a)[j].alarm.at }

func (a *alarms) Swap(i, j int) {
	(*a)[i], (*a)[j] = (*a)[j], (*a)[i]
	(*a)[i].alarm.index, (*a)[j].alarm.index = i, j
}

// Push appends a person.
func (a *alarms) Push(x any) {
	p := x.(*person)
	p.alarm.index = len(*a)
	*a = append(*a, p)
}

// Pop takes the last one.
func (a *alarms) Pop() any {
	last := len(*a) - 1
	p := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	p.alarm.index = -1
	return p
}
