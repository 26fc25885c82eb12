package views_test

import (
	"testing"

	"rally/views"
)

func TestAvatars(t *testing.T) {
	t.Parallel()
	d := render(t, "en", accountPages()["settings"])
	picture := d.one("header img.avatar")
	if attr(picture, "src") != "/avatars/7/0123456789abcdef0123456789abcdef.png" || attr(picture, "alt") != "" ||
		attr(picture, "width") != "28" || attr(picture, "height") != "28" {
		t.Errorf("the picture is %v", picture.Attr)
	}
	d.has("form[action='/settings/avatar'][enctype='multipart/form-data'] input[name=avatar][type=file]", "form[action='/settings/avatar/remove']")
	for name, want := range map[string]string{
		"Mina": "M", "mina park": "MP", "Mina.van_Dam": "MD", "박서연": "박", "김 서연": "김", "a": "A", "": "?", "...": "?", "E\u0301va": "E\u0301", "4-2": "42",
	} {
		p := member("/settings")
		p.Viewer.User.Name, p.Viewer.User.ID = name, 15
		d := render(t, "en", views.Settings(views.SettingsPage{Page: p}))
		got := d.one("header .avatar")
		if textOf(got) != want || attr(got, "aria-hidden") != "true" || attr(got, "data-hue") != "7" {
			t.Errorf("%q has %q %v, want %q", name, textOf(got), got.Attr, want)
		}
		d.lacks("form[action='/settings/avatar/remove']")
	}
}
