package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"rally"
)

// export gives what is held about somebody: the files, and what the JSON of
// each says.
func (d *desk) export(t *testing.T, user rally.UserID) (files map[string][]byte, says map[string]any) {
	t.Helper()
	files, err := d.store.Export(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	says = make(map[string]any)
	for name, b := range files {
		if !strings.HasSuffix(name, ".json") {
			continue
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		says[name] = v
	}
	return files, says
}

func TestExport(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	anna, berta, carla := newUser(t, s, "Anna"), newUser(t, s, "한글이름"), newUser(t, s, "Carla")
	turnOn(t, s, anna.ID)
	session, cookie := d.open(t, "", anna.ID, rally.StageFull)
	link(t, s, anna.ID, atGitHub("1"))
	link(t, s, berta.ID, atGitHub("2"))
	d.open(t, "", berta.ID, rally.StageFull)
	token := newLink(t, s, anna.ID, rally.LinkEmail, "new@example.com")
	for _, u := range []rally.User{anna, berta} {
		err := s.RecordSecurity(t.Context(), rally.SecurityEvent{User: u.ID, Kind: rally.SecuritySignIn, Detail: "<b>&" + u.Name})
		if err != nil {
			t.Fatal(err)
		}
	}
	png := []byte("\x89PNG")
	avatar, err := s.SetAvatar(t.Context(), anna.ID, png)
	if err != nil {
		t.Fatal(err)
	}
	rated := played(berta, anna)
	keep(t, s, rated)
	practice := played(anna, rally.User{})
	practice.Kind, practice.Players[1].Bot = rally.Practice, rally.BotHard
	practice.FinishedAt = rated.FinishedAt.Add(time.Minute)
	keep(t, s, practice)
	gone := played(anna, carla)
	gone.Kind, gone.Outcome, gone.Winner = rally.Casual, rally.NoShow, rally.NoSide
	gone.FinishedAt = rated.FinishedAt.Add(time.Hour)
	keep(t, s, gone)
	keep(t, s, played(berta, carla))
	d.exec(t, `DELETE FROM users WHERE name = 'Carla'`)

	files, says := d.export(t, anna.ID)
	want := []string{
		"account.json", "avatar.png", "blocks.json", "challenges.json", "friends.json", "identities.json", "matches.json",
		"messages.json", "mutes.json", "notices.json", "security_log.json", "sessions.json",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(files))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if !bytes.Equal(files["avatar.png"], png) {
		t.Errorf("the picture is %q", files["avatar.png"])
	}
	account, _ := says["account.json"].(map[string]any)
	now := userNow(t, s, anna.ID)
	for key, want := range map[string]any{
		"id": float64(anna.ID), "name": "Anna", "email": "Anna@example.com", "email_verified_at": nil, "has_password": true,
		"rating": now.Rating.Value, "losses": 1.0, "avatar": avatar, "recovery_codes_left": 10.0, "delete_at": nil,
		"seen_at": nil, "chat": true,
		"created_at": anna.CreatedAt.Format(time.RFC3339Nano),
	} {
		if diff := cmp.Diff(want, account[key]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
	for file, want := range map[string][]map[string]any{
		"sessions.json":     {{"id": string(session.ID), "stage": "full", "created_at": session.CreatedAt.Format(time.RFC3339Nano)}},
		"identities.json":   {{"issuer": "https://github.com", "subject": "1", "provider": "github", "label": "1@example.com", "used_at": nil}},
		"security_log.json": {{"kind": "sign_in", "detail": "<b>&Anna"}},
		"matches.json": {
			{
				"id": string(gone.ID), "kind": "casual", "outcome": "no_show", "won": nil,
				"opponent_id": nil, "opponent_name": nil, "opponent_bot_level": nil, "rating_after": nil,
			},
			{
				"id": string(practice.ID), "kind": "practice", "won": true, "side": "left",
				"opponent_id": nil, "opponent_name": nil, "opponent_bot_level": float64(rally.BotHard),
			},
			{
				"id": string(rated.ID), "kind": "rated", "won": false, "side": "right", "score": 7.0, "opponent_score": 11.0,
				"opponent_id": float64(berta.ID), "opponent_name": "한글이름",
				"rating_before": anna.Rating.Value, "rating_after": now.Rating.Value, "deviation_after": now.Rating.Deviation,
				"finished_at": rated.FinishedAt.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano),
			},
		},
	} {
		got, _ := says[file].([]any)
		if len(got) != len(want) {
			t.Errorf("%s has %d: %s", file, len(got), files[file])
			continue
		}
		for i, want := range want {
			entry, _ := got[i].(map[string]any)
			for key, want := range want {
				if value, ok := entry[key]; !ok || !cmp.Equal(want, value) {
					t.Errorf("%s, %d: %s is %v, want %v", file, i, key, value, want)
				}
			}
		}
	}

	// People can read it, and nothing in it opens anything.
	if text := string(files["matches.json"]); !strings.Contains(text, "한글이름") || !strings.Contains(text, "\n    \"won\": true,\n") {
		t.Errorf("not legible: %s", text)
	}
	_, secret, _ := strings.Cut(cookie, ".")
	secrets := []string{secret, token, "hash of Anna", "sealed", "c2VhbGVk"}
	for _, sql := range []string{
		`SELECT secret_hash FROM sessions`, `SELECT hash FROM links`, `SELECT hash FROM recovery_codes`, `SELECT sealed FROM factors`,
	} {
		for _, b := range d.bytes(t, sql) {
			secrets = append(secrets, fmt.Sprintf("%x", b), strings.Trim(string(legibleBytes(t, b)), `"=`))
		}
	}
	for name, b := range files {
		for _, secret := range secrets {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds the secret %q", name, secret)
			}
		}
		for _, other := range []string{"berta", "\"2\"", "&한글"} {
			if bytes.Contains(b, []byte(other)) {
				t.Errorf("%s holds another's %s", name, other)
			}
		}
	}

	// Of somebody who has done nothing, the lists are there and empty.
	files, says = d.export(t, newUser(t, s, "Dora").ID)
	if len(files) != 11 || len(says) != 11 || string(files["matches.json"]) != "[]\n" {
		t.Errorf("of a newcomer: %s", files)
	}
	_, err = s.Export(t.Context(), 12345)
	isError(t, err, rally.ENotFound, "error.not_found")
}

// bytes gives the one column of a query of the test's own.
func (d *desk) bytes(t *testing.T, sql string) [][]byte {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	rows, _ := conn.Query(t.Context(), sql)
	found, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %d rows, %v", sql, len(found), err)
	}
	return found
}

// legibleBytes gives bytes as JSON has them.
func legibleBytes(t *testing.T, b []byte) []byte {
	t.Helper()
	j, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return j
}
