// Package match runs live matches: it seats people and bots, steps the game 60
// times a second, tells those who watch when their own prediction breaks, and
// hands every result to be kept.
//
// # Who owns what
//
// There is one loop goroutine per core. A match belongs to one loop for life,
// and its state is touched by that goroutine alone. Everybody else reaches it
// in three ways: a command in the loop's mailbox (joining, leaving, ready,
// resigning, rematch), an input in the bounded ring of a door (see door), or by
// reading the snapshot that the loop publishes (Info). So there is no goroutine
// and no lock per match, and a tick in which nothing happens allocates nothing.
//
// # Matches on other nodes
//
// Nodes puts a Registry among those of other nodes. Every node has a copy of a
// board on which each match has a card: where it runs and who plays. What is
// asked about a match elsewhere is asked of its node; a Link into one is a tie
// at this end and a guest, an ordinary Link, at the other, and frames travel
// between the two as letters that may be lost. The loops know none of it: they
// leave a card to be written and hand frames to an audience that never waits.
//
// # The life of a match
//
//	           both ready           3-2-1 over
//	Waiting ───and connected──▶ Countdown ─────▶ Playing ──▶ Over: Won
//	   │                         ▲     │            │
//	   │ ready time over         │     │ somebody   │ somebody
//	   ▼                    both │     ▼ is gone    ▼ is gone
//	 Over: NoShow           back └── Paused ◀───────┘
//	                                   │
//	                                   ▼ pause time used up
//	                                 Over: Forfeited, Abandoned
//
// Resigning ends a match from every phase: as NoShow during the ready check,
// as Forfeited once both were ready. Registry.Stop ends it as Interrupted.
//
// # Time
//
// Ticks are counted, never slept: the n-th tick of a match is due at a time
// fixed when the match began, by a monotonic Clock. Ready checks, countdowns
// and pauses are counted in ticks as well, so a wall clock that jumps changes
// nothing but the dates on the result.
package match
