package schema

import (
	"go/token"
	"unicode"
)

// nearest gives the word that was probably meant, or "": at most two letters
// away and fewer than there are letters.
func nearest(word string, words []string) string {
	best, least := "", 3
	for _, w := range words {
		if d := distance(word, w); d < least && d < len(w) {
			best, least = w, d
		}
	}
	return best
}

// Nearest is nearest for those who check what names fields elsewhere.
func Nearest(word string, words []string) string { return nearest(word, words) }

// distance counts the insertions, deletions and replacements from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// lowerFirst turns the words of a Go name into those of a field: URLPath
// becomes urlPath, IDs becomes ids.
func lowerFirst(name string) string {
	runes := []rune(name)
	for i, r := range runes {
		if !unicode.IsUpper(r) || i > 0 && beginsWord(runes[i:]) {
			break
		}
		runes[i] = unicode.ToLower(r)
	}
	return string(runes)
}

// beginsWord says whether a capital begins a word rather than going on with an
// abbreviation or ending one: its plural s is part of an abbreviation.
func beginsWord(rest []rune) bool {
	if len(rest) < 2 || !unicode.IsLower(rest[1]) {
		return false
	}
	plural := rest[1] == 's' && (len(rest) == 2 || unicode.IsUpper(rest[2]))
	return !plural
}

// upperFirst makes a Go name an exported one, as far as its letters allow.
func upperFirst(name string) string {
	runes := []rune(name)
	runes[0] = unicode.ToUpper(runes[0])
	return string(runes)
}

// suggestName proposes the name of a field's tag.
func suggestName(field string) string {
	if name := lowerFirst(field); token.IsIdentifier(field) && field != "_" && nameProblem(name) == "" {
		return name
	}
	return "name"
}
