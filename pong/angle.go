package pong

// A paddle is divided into 2*edgePlace+1 = 17 places. The middle one sends the
// ball off level, and each further one 7.5° steeper, to 60° at the edges.
// Serves use the places up to servePlace.
const (
	edgePlace  = 8
	servePlace = 4
	unit       = 14 // bits of the table's fraction
)

// cosines and sines of 0°, 7.5° … 60°, times 1<<unit, rounded.
var (
	cosines = [edgePlace + 1]int32{16384, 16244, 15826, 15137, 14189, 12998, 11585, 9974, 8192}
	sines   = [edgePlace + 1]int32{0, 2139, 4240, 6270, 8192, 9974, 11585, 12998, 14189}
)

// launch gives the velocity of a ball at the given speed that leaves a place,
// -edgePlace (top) to edgePlace, towards the right.
func launch(speed, place int32) (vx, vy int32) {
	k := max(place, -place)
	vx = (speed*cosines[k] + 1<<(unit-1)) >> unit
	vy = (speed*sines[k] + 1<<(unit-1)) >> unit
	if place < 0 {
		vy = -vy
	}
	return vx, vy
}

// place gives which place of a paddle a ball at the given offset touches
// (ball's middle minus paddle's); reach is the largest offset there is, in the
// same unit.
func place(offset, reach int32) int32 {
	m := max(offset, -offset)
	k := min((m*(2*edgePlace+1)+reach)/(2*reach), edgePlace)
	if offset < 0 {
		return -k
	}
	return k
}
