package views

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"rally"
)

// avatarSize is how large a picture stands on a page; css/rally/people.css knows the same
// names.
type avatarSize string

// The sizes.
const (
	avatarSmall avatarSize = "small" // in the header
	avatarLarge avatarSize = "large" // on somebody's own page
)

// pixels is the size as <img> wants it, in CSS pixels.
func (a avatarSize) pixels() string {
	if a == avatarLarge {
		return "96"
	}
	return "28"
}

// avatarHues is how many colours there are for initials.
const avatarHues = 8

// avatarHue chooses one of them: the same for a person wherever they appear.
func avatarHue(id rally.UserID) string {
	return strconv.Itoa(int(uint64(id) % avatarHues))
}

// initials gives what stands for a name in a small circle: the first letters of
// its first and its last word, numbers left aside if there is anything else, or
// the first letter alone where letters are as wide as Hangul or Han are.
func initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool {
		return r == ' ' || r == '-' || r == '_' || r == '.'
	})
	if len(words) == 0 {
		return "?"
	}
	if lettered := slices.DeleteFunc(slices.Clone(words), isNumber); len(lettered) > 0 {
		words = lettered
	}
	first := firstLetter(words[0])
	if len(words) == 1 || isWide(first) {
		return first
	}
	if last := firstLetter(words[len(words)-1]); !isWide(last) {
		return first + last
	}
	return first
}

// isNumber says whether a word holds no letter.
func isNumber(word string) bool { return !strings.ContainsFunc(word, unicode.IsLetter) }

// firstLetter gives the first letter of a word with the marks on it, in upper
// case.
func firstLetter(word string) string {
	end := len(word)
	for i, r := range word {
		if i > 0 && !unicode.Is(unicode.Mn, r) {
			end = i
			break
		}
	}
	return strings.ToUpper(word[:end])
}

func isWide(letter string) bool {
	for _, r := range letter {
		return unicode.In(r, unicode.Hangul, unicode.Han, unicode.Hiragana, unicode.Katakana)
	}
	return false
}
