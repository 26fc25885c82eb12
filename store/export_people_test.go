package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Of others there is in an export what its owner may know, and no more.
func TestExportPeople(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Anna", "Berta", "Carla", "Dora", "Emil")
	anna, berta, carla, dora, emil := ids[0], ids[1], ids[2], ids[3], ids[4]
	d.befriend(t, anna, berta)
	d.ask(t, carla, anna)
	act(t, d.store.Block, dora, anna)
	d.ask(t, anna, dora)
	act(t, d.store.Block, anna, emil)
	d.ask(t, emil, anna)

	d.say(t, anna, berta, "hello")
	d.say(t, berta, anna, "<b>hi")

	d.mute(t, anna, carla, true)
	d.mute(t, berta, anna, true)

	d.challenge(t, anna, berta, 11)
	d.challenge(t, anna, dora, 7)

	says := func(id int) map[string]any {
		_, says := d.export(t, ids[id])
		return says
	}
	list := func(says map[string]any, file, key string) (values []any) {
		all, _ := says[file].([]any)
		for _, one := range all {
			entry, _ := one.(map[string]any)
			values = append(values, entry[key])
		}
		return values
	}
	ofAnna, ofDora := says(0), says(3)
	for what, c := range map[string]struct{ want, got []any }{
		"friends":        {[]any{"Berta", "Carla", "Dora"}, list(ofAnna, "friends.json", "name")},
		"who asked":      {[]any{true, false, true}, list(ofAnna, "friends.json", "asked_by_me")},
		"blocks":         {[]any{"Emil"}, list(ofAnna, "blocks.json", "name")},
		"mutes":          {[]any{"Carla"}, list(ofAnna, "mutes.json", "name")},
		"Dora's mutes":   {nil, list(ofDora, "mutes.json", "name")},
		"notices":        {[]any{"Carla", "Berta"}, list(ofAnna, "notices.json", "from_name")},
		"their kinds":    {[]any{"friend_asked", "friend_accepted"}, list(ofAnna, "notices.json", "kind")},
		"Dora's notices": {nil, list(ofDora, "notices.json", "kind")},
		"messages":       {[]any{"<b>hi", "hello"}, list(ofAnna, "messages.json", "text")},
		"who said them":  {[]any{"Berta", "Anna"}, list(ofAnna, "messages.json", "from_name")},
		"what is read":   {[]any{false, nil}, list(ofAnna, "messages.json", "read")},
		"challenges":     {[]any{"Dora", "Berta"}, list(ofAnna, "challenges.json", "to_name")},
		"their points":   {[]any{7.0, 11.0}, list(ofAnna, "challenges.json", "points")},
		"Dora's":         {nil, list(ofDora, "challenges.json", "id")},
		"Dora's friends": {nil, list(ofDora, "friends.json", "name")},
		"Dora's blocks":  {[]any{"Anna"}, list(ofDora, "blocks.json", "name")},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	if since := list(ofAnna, "friends.json", "friends_since"); len(since) != 3 || since[0] == nil || since[1] != nil || since[2] != nil {
		t.Errorf("friends since %v", since)
	}
}
