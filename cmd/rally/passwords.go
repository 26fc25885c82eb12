package main

import (
	"cmp"

	"rally/auth"
)

// passwordConfig is what can be set about the work that a password costs.
// Zero is the default.
type passwordConfig struct {
	Argon2Memory  int `env:"RALLY_ARGON2_MEMORY" group:"Passwords" help:"Memory in MiB that hashing one takes, 64 to 4096 (default: 64)." name:"argon2-memory" placeholder:"MIB"`
	Argon2Passes  int `env:"RALLY_ARGON2_PASSES" group:"Passwords" help:"Passes over it, 3 to 100 (default: 3)." name:"argon2-passes" placeholder:"N"`
	Argon2Workers int `env:"RALLY_ARGON2_WORKERS" group:"Passwords" help:"How many are hashed at once, 1 to 256 (default: as many as there are cores)." name:"argon2-workers" placeholder:"N"`
}

// The least that hashing may cost, which is the default as well.
const (
	argon2MemoryMin = 64 // MiB
	argon2PassesMin = 3
)

// passwords gives what hashing costs. What is wrong goes to complain.
func (c passwordConfig) passwords(complain func(format string, args ...any)) auth.PasswordConfig {
	memory, passes := cmp.Or(c.Argon2Memory, argon2MemoryMin), cmp.Or(c.Argon2Passes, argon2PassesMin)
	if memory < argon2MemoryMin || memory > 4096 {
		complain("RALLY_ARGON2_MEMORY is %d: choose 64 to 4096 MiB", memory)
	}
	if passes < argon2PassesMin || passes > 100 {
		complain("RALLY_ARGON2_PASSES is %d: choose 3 to 100", passes)
	}
	if c.Argon2Workers < 0 || c.Argon2Workers > 256 {
		complain("RALLY_ARGON2_WORKERS is %d: choose 1 to 256; each takes the memory of one hash", c.Argon2Workers)
	}
	return auth.PasswordConfig{Memory: uint32(memory) * 1024, Iterations: uint32(passes), Workers: c.Argon2Workers}
}
