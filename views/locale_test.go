package views_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/BurntSushi/toml"

	"rally/views"
)

// message is an entry of a catalogue: its plural forms by name, or one form
// called "other".
type message map[string]string

// catalogue reads a catalogue as a plain file, without the library that the
// program reads it with.
func catalogue(t *testing.T, locale string) map[string]message {
	t.Helper()
	tree, err := catalogueTree(locale)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]message)
	for group, v := range tree {
		flatten(t, group, v.(map[string]any), found)
	}
	return found
}

// catalogueTree gives the groups of all files of a language. A group is in one
// file.
func catalogueTree(locale string) (map[string]any, error) {
	files, err := filepath.Glob("locales/*." + locale + ".toml")
	if err != nil {
		return nil, err
	}
	all := make(map[string]any)
	for _, file := range files {
		var tree map[string]any
		if _, err := toml.DecodeFile(file, &tree); err != nil {
			return nil, err
		}
		for group, v := range tree {
			if _, twice := all[group]; twice {
				return nil, fmt.Errorf("%s has the group %s, and so has a file before it", file, group)
			}
			all[group] = v
		}
	}
	return all, nil
}

func flatten(t *testing.T, at string, table map[string]any, into map[string]message) {
	t.Helper()
	if _, ok := table["other"]; ok {
		m := message{}
		for form, text := range table {
			m[form] = text.(string)
		}
		into[at] = m
		return
	}
	for key, v := range table {
		switch v := v.(type) {
		case string:
			into[at+"."+key] = message{"other": v}
		case map[string]any:
			flatten(t, at+"."+key, v, into)
		default:
			t.Errorf("%s.%s is neither text nor a table", at, key)
		}
	}
}

var placeholder = regexp.MustCompile(`{{\s*\.\w+\s*}}|{\w+}`)

func placeholders(text string) string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return strings.Join(slices.Compact(found), " ")
}

func TestCataloguesAgree(t *testing.T) {
	t.Parallel()
	en, ko := catalogue(t, "en"), catalogue(t, "ko")
	forms := map[string][]string{"en": {"one", "other"}, "ko": {"other"}}
	for id, m := range en {
		other, ok := ko[id]
		if !ok {
			t.Errorf("%s is missing in Korean", id)
			continue
		}
		want := placeholders(m["other"])
		for _, c := range []message{m, other} {
			for form, text := range c {
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s is empty", id)
				}
				// Of one thing one may speak without a number.
				if got := placeholders(text); got != want && (form != "one" || got != "") {
					t.Errorf("%s: %q holds [%s], want [%s]", id, text, got, want)
				}
			}
		}
		if _, plural := m["one"]; plural != strings.Contains(want, "{{.Count}}") {
			t.Errorf("%s: a count wants plural forms, and only a count does", id)
		}
		if _, plural := m["one"]; plural {
			for locale, c := range map[string]message{"en": m, "ko": other} {
				if got := slices.Sorted(maps.Keys(c)); !slices.Equal(got, forms[locale]) {
					t.Errorf("%s has the forms %v in %s, want %v", id, got, locale, forms[locale])
				}
			}
		}
	}
	for id := range ko {
		if _, ok := en[id]; !ok {
			t.Errorf("%s is missing in English", id)
		}
	}
}

// used gives every message id that the program names: whole string literals of
// the form "group.key" whose group the catalogue has, file names aside.
var used = sync.OnceValues(func() (map[string]string, error) {
	tree, err := catalogueTree("en")
	if err != nil {
		return nil, err
	}
	id := regexp.MustCompile(`^(` + strings.Join(slices.Collect(maps.Keys(tree)), "|") + `)\.[a-z0-9_]+$`)
	found := make(map[string]string)
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && len(name) > 2 && name[0] == '.':
			return filepath.SkipDir
		case d.IsDir(), filepath.Ext(name) != ".go", strings.HasSuffix(name, "_test.go"), path == "../event.go":
			return nil // event kinds look like ids and are none
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
		if err != nil {
			return nil // a file somebody is in the middle of; the compiler will say
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if s, err := strconv.Unquote(l.Value); err == nil && id.MatchString(s) && !isFile(s) {
					found[s] = path
				}
			}
			return true
		})
		return nil
	})
	return found, err
})

func isFile(name string) bool {
	switch filepath.Ext(name) {
	case ".templ", ".json":
		return true
	}
	return false
}

func TestEveryMessageNamedIsThere(t *testing.T) {
	t.Parallel()
	ids, err := used()
	if err != nil {
		t.Fatal(err)
	}
	en := catalogue(t, "en")
	for id, path := range ids {
		if strings.HasSuffix(id, "_") {
			continue // the beginning of some
		}
		if _, ok := en[id]; !ok {
			t.Errorf("%s names %s, which is not in the catalogue", path, id)
		}
	}
}

func TestEveryMessageIsNamed(t *testing.T) {
	t.Parallel()
	ids, err := used()
	if err != nil {
		t.Fatal(err)
	}
	for id := range catalogue(t, "en") {
		if _, ok := ids[id]; !ok && !begun(ids, id) {
			t.Errorf("%s is in the catalogue and nobody names it", id)
		}
	}
}

// begun says whether the program names the beginning of an id, up to an
// underscore, and adds the rest as it runs.
func begun(ids map[string]string, id string) bool {
	for name := range ids {
		if strings.HasSuffix(name, "_") && strings.HasPrefix(id, name) {
			return true
		}
	}
	return false
}

// TestNoIDIsShown renders everything and looks for ids in the text, which is
// what a message shows as when it cannot be written.
func TestNoIDIsShown(t *testing.T) {
	t.Parallel()
	known := catalogue(t, "en")
	for _, locale := range site(t).Locales() {
		for _, set := range []map[string]document{rendered(t, locale)} {
			for name, d := range set {
				for word := range strings.FieldsSeq(textOf(d.root)) {
					if _, ok := known[word]; ok || strings.Contains(word, "{{") || strings.Contains(word, "<no value>") {
						t.Errorf("%s in %s shows %q", name, locale, word)
					}
				}
			}
		}
	}
}

func rendered(t *testing.T, locale string) map[string]document {
	t.Helper()
	found := make(map[string]document)
	for name, c := range pages() {
		found[name] = render(t, locale, c)
	}
	for name, c := range fragments() {
		found[name] = render(t, locale, c)
	}
	return found
}

func TestMatchLanguage(t *testing.T) {
	t.Parallel()
	v := site(t)
	for header, want := range map[string]string{
		"": "en", "ko": "ko", "ko-KR,ko;q=0.9,en;q=0.8": "ko", "en-GB": "en", "fr": "en", "de,ko;q=0.5": "ko",
		"*": "en", ";;;": "en", strings.Repeat("a", 5000): "en",
	} {
		if got := v.Match(header); got != want {
			t.Errorf("Match(%.40q) is %s, want %s", header, got, want)
		}
	}
}

func TestPlurals(t *testing.T) {
	t.Parallel()
	for count, want := range map[int]string{1: "1 match is", 2: "2 matches are", 21: "21 matches are"} {
		render(t, "en", views.Landing(views.LandingPage{Page: anybody("/"), Playing: count})).says(".playing", want)
		render(t, "ko", views.Landing(views.LandingPage{Page: anybody("/"), Playing: count})).says(".playing", fmt.Sprintf("%d경기", count))
	}
}

func TestUnknownLocaleIsTheDefault(t *testing.T) {
	t.Parallel()
	render(t, "xx", views.Landing(views.LandingPage{Page: anybody("/")})).has("html[lang=en]")
}

func TestNewNeedsAssets(t *testing.T) {
	t.Parallel()
	if _, err := views.New(views.Config{}); err == nil {
		t.Error("views without asset addresses")
	}
}
