package auth

import (
	_ "embed"
	"strings"

	"golang.org/x/text/unicode/norm"

	"rally"
)

// commonText lists the most common passwords, one a line; "#" starts a
// comment. Source and licence stand at its head.
//
//go:embed common_passwords.txt
var commonText string

// commonPasswords gives them as a set.
func commonPasswords() map[string]struct{} {
	set := make(map[string]struct{}, 1100)
	for line := range strings.Lines(commonText) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			set[line] = struct{}{}
		}
	}
	return set
}

// Check gives the message id of what is wrong with a new password, or
// "": its length (see rally.CheckPassword), being one of the most common
// ones, or being nothing but what everybody knows about its owner (known:
// display name, e-mail address).
func (p *Passwords) Check(password string, known ...string) (problem string) {
	if problem = rally.CheckPassword(password); problem != "" {
		return problem
	}
	folded := fold(password)
	if _, common := p.common[folded]; common || uniform(folded) {
		return "field.password_common"
	}
	for _, k := range known {
		k = fold(k)
		local, _, _ := strings.Cut(k, "@")
		if folded == k || folded == local {
			return "field.password_common"
		}
	}
	return ""
}

// fold makes passwords that differ only in letter case or Unicode form equal.
func fold(s string) string { return strings.ToLower(norm.NFC.String(s)) }

// uniform says whether s repeats a single character.
func uniform(s string) bool {
	first := ""
	for _, r := range s {
		if first == "" {
			first = string(r)
		}
		if string(r) != first {
			return false
		}
	}
	return true
}
