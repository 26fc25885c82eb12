package rally

import "math"

// Rating is a Glicko-2 rating on the familiar scale.
// Source: M. E. Glickman, "Example of the Glicko-2 system", 2013,
// http://www.glicko.net/glicko/glicko2.pdf; step numbers below are the paper's.
type Rating struct {
	Value      float64 // about 1500
	Deviation  float64 // 30 (certain) to 350 (unknown)
	Volatility float64 // about 0.06
}

// Bounds and system constants of the rating.
const (
	ratingScale       = 173.7178
	ratingTau         = 0.5 // how quickly volatility may change (step 1)
	ratingConvergence = 0.000001
	deviationMin      = 45
	deviationMax      = 350
)

// ProvisionalAbove is the deviation above which a rating is provisional.
const ProvisionalAbove = 110

// NewRating is what a new account starts with.
func NewRating() Rating { return Rating{Value: 1500, Deviation: 350, Volatility: 0.06} }

// Provisional says whether too few matches were played to trust the value.
func (r Rating) Provisional() bool { return r.Deviation > ProvisionalAbove }

// Zero says whether r was never set.
func (r Rating) Zero() bool { return r == Rating{} }

// After gives r after one match against opponent, each match being a rating
// period of its own; score is 1 for a win and 0 for a loss. Deviation stays
// within 45 and 350.
func (r Rating) After(opponent Rating, score float64) Rating {
	return r.after([]game{{opponent, score}})
}

// game is one match of a rating period, from one player's side.
type game struct {
	opponent Rating
	score    float64
}

// after rates a whole period, as the paper has it, so that the paper's own
// example can be held against it.
func (r Rating) after(games []game) Rating {
	// Step 2: to the Glicko-2 scale.
	mu, phi := (r.Value-1500)/ratingScale, r.Deviation/ratingScale

	// Steps 3 and 4: the variance v and the improvement delta.
	var precision, surprise float64
	for _, one := range games {
		muJ, phiJ := (one.opponent.Value-1500)/ratingScale, one.opponent.Deviation/ratingScale
		g := 1 / math.Sqrt(1+3*phiJ*phiJ/(math.Pi*math.Pi))
		e := 1 / (1 + math.Exp(-g*(mu-muJ)))
		precision += g * g * e * (1 - e)
		surprise += g * (one.score - e)
	}
	v := 1 / precision
	delta := v * surprise

	// Step 5: the new volatility, by the Illinois algorithm.
	a := math.Log(r.Volatility * r.Volatility)
	f := func(x float64) float64 {
		ex := math.Exp(x)
		d := phi*phi + v + ex
		return ex*(delta*delta-phi*phi-v-ex)/(2*d*d) - (x-a)/(ratingTau*ratingTau)
	}
	lo := a
	var hi float64
	if delta*delta > phi*phi+v {
		hi = math.Log(delta*delta - phi*phi - v)
	} else {
		k := 1.0
		for f(a-k*ratingTau) < 0 {
			k++
		}
		hi = a - k*ratingTau
	}
	fLo, fHi := f(lo), f(hi)
	for math.Abs(hi-lo) > ratingConvergence {
		mid := lo + (lo-hi)*fLo/(fHi-fLo)
		fMid := f(mid)
		if fMid*fHi <= 0 {
			lo, fLo = hi, fHi
		} else {
			fLo /= 2
		}
		hi, fHi = mid, fMid
	}
	volatility := math.Exp(lo / 2)

	// Steps 6 to 8: the new deviation and rating, back on the familiar scale.
	phiStar := math.Sqrt(phi*phi + volatility*volatility)
	phiNew := 1 / math.Sqrt(1/(phiStar*phiStar)+1/v)
	muNew := mu + phiNew*phiNew*surprise
	return Rating{
		Value:      ratingScale*muNew + 1500,
		Deviation:  min(max(ratingScale*phiNew, deviationMin), deviationMax),
		Volatility: volatility,
	}
}
