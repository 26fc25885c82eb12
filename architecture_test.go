package rally_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// module is the name of Rally's Go module, and of its root package.
const module = "rally"

// rooms says, for every room of the house, which other rooms its own code may
// know. Tests may know more (storetest, say); what ships may not. A package
// below a room (store/storetest) is held to its own line, if it has one, and
// else to its room's.
var rooms = map[string][]string{
	"rally":                 {},
	"rally/pong":            {},
	"rally/migrations":      {},
	"rally/static":          {},
	"rally/match":           {"rally", "rally/pong"},
	"rally/live":            {"rally"},
	"rally/bus":             {"rally"},
	"rally/mail":            {"rally"},
	"rally/avatar":          {"rally"},
	"rally/auth":            {"rally"},
	"rally/store":           {"rally", "rally/migrations"},
	"rally/store/storetest": {"rally", "rally/store", "rally/migrations"},
	"rally/views":           {"rally"},
	"rally/handlers":        {"rally", "rally/auth", "rally/avatar", "rally/match", "rally/live", "rally/views", "rally/static"},
	"rally/auth/oidctest":   {},
	"rally/e2e":             {},
	"rally/cmd/rally":       nil, // everything: it puts the house together
	"rally/cmd/rally/bench": {"rally", "rally/pong"},
}

// libraries says where a library may be imported directly; one line per
// library that only some rooms may know.
var libraries = map[string][]string{
	"github.com/jackc/pgx":        {"rally/store", "rally/store/storetest"},
	"github.com/pressly/goose":    {"rally/store"},
	"github.com/nats-io":          {"rally/bus"},
	"github.com/coder/websocket":  {"rally/live", "rally/cmd/rally/bench"},
	"github.com/labstack/echo":    {"rally/handlers", "rally/cmd/rally"},
	"github.com/prometheus":       {"rally/cmd/rally"},
	"github.com/a-h/templ":        {"rally/views", "rally/handlers"},
	"github.com/golang-jwt/jwt":   {"rally/auth"},
	"github.com/gorilla/sessions": {"rally/store", "rally/handlers"},
	"github.com/alecthomas/kong":  {"rally/cmd/rally"},
	"github.com/riverqueue/river": {"rally/store"},
	"github.com/wneessen/go-mail": {"rally/mail"},
	"github.com/pquerna/otp":      {"rally/auth"},
	"github.com/coreos/go-oidc":   {"rally/auth"},
	"golang.org/x/oauth2":         {"rally/auth"},
	"golang.org/x/image":          {"rally/avatar"},
}

// standardOnly are the rooms that know nothing but the standard library, with
// what of it they must not know either.
var standardOnly = map[string][]string{
	"rally": {"net/http", "database/sql", "os", "log/slog"},
	// The same inputs give the same bytes on every machine: nothing that asks
	// the clock, chance, the network or the system.
	"rally/pong": {"time", "math/rand", "math/rand/v2", "crypto/rand", "net", "os"},
}

// listed is what of `go list`'s answer is looked at.
type listed struct {
	ImportPath string
	Standard   bool
	Dir        string
	GoFiles    []string
	Imports    []string
}

// list gives every package that Rally's own packages need, Rally's first
// by name.
func list(t *testing.T) (ours []listed, standard map[string]bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps",
		"-json=ImportPath,Standard,Dir,GoFiles,Imports", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	standard = map[string]bool{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		switch {
		case p.Standard:
			standard[p.ImportPath] = true
		case within(p.ImportPath, module):
			ours = append(ours, p)
		}
	}
	slices.SortFunc(ours, func(a, b listed) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	return ours, standard
}

// within says whether path is root or lies below it.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

// roomOf gives the line of rooms that holds for a package of ours.
func roomOf(path string) (room string, ok bool) {
	for room = path; ; {
		if _, ok := rooms[room]; ok {
			// The root's line is the root's alone: a new room needs its own.
			return room, room != module || path == module
		}
		cut := strings.LastIndexByte(room, '/')
		if cut < 0 {
			return "", false
		}
		room = room[:cut]
	}
}

// TestArchitectureRooms holds every package's direct imports against the rules
// of docs/architecture.md, "who may import whom". Direct ones suffice: each
// package on the way is held to its own line.
func TestArchitectureRooms(t *testing.T) {
	t.Parallel()
	ours, standard := list(t)
	if len(ours) == 0 {
		t.Fatal("go list names no package of Rally")
	}
	for _, p := range ours {
		room, ok := roomOf(p.ImportPath)
		if !ok {
			t.Errorf("%s has no line in the table of rooms: say who it may know", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			switch {
			case within(imported, module):
				if may := rooms[room]; may != nil && imported != p.ImportPath && !slices.Contains(may, imported) {
					t.Errorf("%s may not import %s", p.ImportPath, imported)
				}
			case standard[imported]:
				if slices.Contains(standardOnly[room], imported) {
					t.Errorf("%s may not import %s", p.ImportPath, imported)
				}
			default:
				if _, only := standardOnly[room]; only {
					t.Errorf("%s may import only the standard library, not %s", p.ImportPath, imported)
				}
				for library, may := range libraries {
					if within(imported, library) && !slices.Contains(may, p.ImportPath) {
						t.Errorf("%s may not import %s: only %v may", p.ImportPath, imported, may)
					}
				}
			}
		}
	}
}

// TestArchitecturePongHasNoFloats parses the game and finds every floating
// point or complex literal, type and conversion: their results differ between
// machines, and the game's must not.
func TestArchitecturePongHasNoFloats(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("pong/*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	parsed := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed++
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if n.Kind == token.FLOAT || n.Kind == token.IMAG {
					t.Errorf("%s: %s is not an integer", fset.Position(n.Pos()), n.Value)
				}
			case *ast.Ident:
				switch n.Name {
				case "float32", "float64", "complex64", "complex128":
					t.Errorf("%s: %s has no place in the game", fset.Position(n.Pos()), n.Name)
				}
			}
			return true
		})
	}
	if parsed == 0 {
		t.Fatal("there is no game in pong/")
	}
}
