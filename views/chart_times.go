package views

import "time"

// timeUnit is what the times of a chart are counted in.
type timeUnit int

// The units.
const (
	inMinutes timeUnit = iota
	inDays
	inMonths
	inYears
)

// timeStep is so many of a unit.
type timeStep struct {
	unit timeUnit
	n    int
}

// timeSizes are the steps that people count time in, each longer than the one
// before. Years come in any number.
func timeSizes() []timeStep {
	return []timeStep{
		{inMinutes, 1},
		{inMinutes, 2},
		{inMinutes, 5},
		{inMinutes, 10},
		{inMinutes, 15},
		{inMinutes, 30},
		{inMinutes, 60},
		{inMinutes, 120},
		{inMinutes, 180},
		{inMinutes, 360},
		{inMinutes, 720},
		{inDays, 1},
		{inDays, 2},
		{inDays, 4},
		{inDays, 7},
		{inDays, 14},
		{inMonths, 1},
		{inMonths, 2},
		{inMonths, 3},
		{inMonths, 6},
		{inYears, 1},
		{inYears, 2},
		{inYears, 5},
		{inYears, 10},
	}
}

// timeSteps gives the round times between two at which a chart has lines, the
// two included, and what they count. There are at most timesMax, and at least
// one: the last time, where none between them is round.
func timeSteps(from, to time.Time) (timeUnit, []time.Time) {
	from, to = from.UTC(), to.UTC()
	sizes := timeSizes()
	for _, step := range sizes {
		if found, all := step.between(from, to); all && len(found) > 1 {
			return step.unit, found
		}
		if step.longerThan(to.Sub(from)) {
			break
		}
	}
	return inDays, []time.Time{to}
}

// longerThan says whether nothing of this length has two of the step in it.
func (s timeStep) longerThan(d time.Duration) bool {
	const day = 24 * time.Hour
	switch s.unit {
	case inMinutes:
		return d < time.Duration(s.n)*time.Minute
	case inDays:
		return d < time.Duration(s.n)*day
	case inMonths:
		return d < time.Duration(s.n)*28*day
	default:
		return d < time.Duration(s.n)*365*day
	}
}

// between gives the times of the step from one to another, and whether these
// are few enough to be all.
func (s timeStep) between(from, to time.Time) (found []time.Time, all bool) {
	for t := s.before(from); !t.After(to); t = s.after(t) {
		if t.Before(from) {
			continue
		}
		if len(found) == timesMax {
			return nil, false
		}
		found = append(found, t)
	}
	return found, true
}

// before gives the last time of the step that is not after t.
func (s timeStep) before(t time.Time) time.Time {
	year, month, _ := t.Date()
	switch s.unit {
	case inMinutes:
		return t.Truncate(time.Duration(s.n) * time.Minute)
	case inDays:
		// The zero time, from which Truncate counts, is a Monday.
		return t.Truncate(time.Duration(s.n) * 24 * time.Hour)
	case inMonths:
		return time.Date(year, month-(month-1)%time.Month(s.n), 1, 0, 0, 0, 0, time.UTC)
	default:
		return time.Date(year-year%s.n, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
}

// after gives the next time of the step after t, which is one.
func (s timeStep) after(t time.Time) time.Time {
	switch s.unit {
	case inMinutes:
		return t.Add(time.Duration(s.n) * time.Minute)
	case inDays:
		return t.AddDate(0, 0, s.n)
	case inMonths:
		return t.AddDate(0, s.n, 0)
	default:
		return t.AddDate(s.n, 0, 0)
	}
}

// axisTime writes a time as shortly as its neighbours allow.
func (l *locale) axisTime(unit timeUnit, t time.Time) string {
	switch {
	case unit == inMinutes && !t.Equal(t.Truncate(24*time.Hour)):
		return t.Format("15:04")
	case unit <= inDays:
		return t.Format(l.t("chart.day"))
	case unit == inMonths:
		return t.Format(l.t("chart.month"))
	default:
		return t.Format(l.t("chart.year"))
	}
}
