package handlers_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

// upload sends a file as a form does, with more fields by names and values.
func (b *browser) upload(path, field string, data []byte, fields ...string) *answer {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		if err := form.WriteField(fields[i], fields[i+1]); err != nil {
			b.t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile(field, `me".png<script>`)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := part.Write(data); err != nil {
		b.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.do(http.MethodPost, path, &body, header{"Content-Type", form.FormDataContentType()}, header{"Origin", b.site.URL})
}

// painted is a picture in one colour.
func painted(width, height int, c color.Color) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, c)
		}
	}
	return m
}

func pngOf(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAvatar (38): a picture is drawn anew, square, and kept under a name that
// is its content's.
func TestAvatar(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	b.get("/settings").hasNot(`img.avatar`)

	b.upload("/settings/avatar", "avatar", pngOf(t, painted(300, 200, color.NRGBA{200, 30, 30, 255}))).
		leadsTo("/settings?done=avatar")
	page := b.get("/settings?done=avatar")
	page.has("p.notice")
	src := page.attr("img.avatar", "src")
	if want := fmt.Sprintf("/avatars/%d/", b.user.ID); !strings.HasPrefix(src, want) || !strings.HasSuffix(src, ".png") {
		t.Fatalf("the picture is at %q", src)
	}
	// Everybody may see it, and keep it.
	res := s.browser(t).get(src)
	res.wants(http.StatusOK)
	for name, want := range map[string]string{
		"Content-Type":            "image/png",
		"Cache-Control":           "public, max-age=31536000, immutable",
		"X-Content-Type-Options":  "nosniff",
		"Content-Security-Policy": "default-src 'none'; sandbox",
		"Set-Cookie":              "",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	drawn, err := png.Decode(strings.NewReader(res.text))
	if err != nil || drawn.Bounds().Size() != image.Pt(256, 256) {
		t.Fatalf("the picture is %v, %v", drawn.Bounds(), err)
	}
	if r, g, _, _ := drawn.At(128, 128).RGBA(); r>>8 < 190 || g>>8 > 40 {
		t.Errorf("its middle has the colour %v", drawn.At(128, 128))
	}
	// The profile shows it to others.
	s.browser(t).get(fmt.Sprintf("/players/%d", b.user.ID)).has(`img.avatar[src="` + src + `"]`)

	// Another one has another name; the old one is gone.
	b.upload("/settings/avatar", "avatar", jpegWithPlace(t)).leadsTo("/settings?done=avatar")
	second := b.get("/settings").attr("img.avatar", "src")
	if second == src {
		t.Error("another picture has the same name")
	}
	b.get(src).wants(http.StatusNotFound)
	if kept := b.get(second); strings.Contains(kept.text, "Exif") || strings.Contains(kept.text, "48.8583N") {
		t.Error("the place where the picture was taken is still in it")
	}

	b.post("/settings/avatar/remove").leadsTo("/settings?done=avatar_removed")
	b.get("/settings").hasNot("img.avatar")
	b.get(second).wants(http.StatusNotFound)
	b.post("/settings/avatar/remove").leadsTo("/settings?done=avatar_removed")
}

// jpegWithPlace is a JPEG whose metadata say where it was taken.
func jpegWithPlace(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, painted(64, 64, color.White), nil); err != nil {
		t.Fatal(err)
	}
	note := []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00 48.8583N 2.2944E")
	segment := append([]byte{0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(note)+2))...)
	whole := b.Bytes()
	return append(append(append([]byte{}, whole[:2]...), append(segment, note...)...), whole[2:]...)
}

// bomb is a PNG that says it is so large, and holds next to nothing.
func bomb(width, height uint32) []byte {
	chunk := func(kind string, data []byte) []byte {
		body := append([]byte(kind), data...)
		out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		return binary.BigEndian.AppendUint32(append(out, body...), crc32.ChecksumIEEE(body))
	}
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	out := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(size, 1, 0, 0, 0, 0))...)
	out = append(out, chunk("IDAT", []byte{0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01})...)
	return append(out, chunk("IEND", nil)...)
}

// TestAvatarRefused (38, and the bomb and polyglot).
func TestAvatarRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	good := pngOf(t, painted(32, 32, color.Black))
	noise := bytes.Repeat([]byte("noise"), 450_000)
	tests := []struct {
		what string
		data []byte
	}{
		{"nothing", nil},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)},
		{"HTML", []byte(`<!doctype html><script>alert(1)</script>`)},
		{"GIF", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;")},
		{"a page behind a picture", append(bytes.Clone(good), []byte("<script>alert(1)</script>")...)},
		{"a ZIP behind a picture", append(bytes.Clone(good), []byte("PK\x05\x06"+strings.Repeat("\x00", 18))...)},
		{"half a picture", good[:len(good)/2]},
		{"a bomb of 80 megapixels", bomb(10_000, 8_000)},
		{"too wide", bomb(4097, 1)},
		{"two megabytes and a byte", append(bytes.Clone(good), noise[:2<<20+1-len(good)]...)},
	}
	for _, test := range tests {
		t.Log(test.what)
		res := b.upload("/settings/avatar", "avatar", test.data)
		res.wants(http.StatusUnprocessableEntity)
		res.has(`input[name=avatar][aria-invalid=true]`)
		res.has(`#avatar-problem`)
	}
	// More than the form may hold, another form, one that is none, and a file
	// where none belongs.
	b.upload("/settings/avatar", "avatar", noise).wants(http.StatusRequestEntityTooLarge)
	b.post("/settings/avatar", "avatar", "x").wants(http.StatusUnprocessableEntity)
	b.do(http.MethodPost, "/settings/avatar", strings.NewReader("--x\r\nnonsense"),
		header{"Content-Type", "multipart/form-data; boundary=x"}, header{"Origin", s.URL}).wants(http.StatusBadRequest)
	b.upload("/settings/name", "name", noise[:1<<20]).wants(http.StatusRequestEntityTooLarge)
	b.get("/settings").hasNot("img.avatar")
}

// TestAvatarOfAnother (37): a picture is set for whoever is signed in, and
// found only under its owner's number.
func TestAvatarOfAnother(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, eve := s.member(t, "Ada"), s.member(t, "Eve")
	number := fmt.Sprint(ada.user.ID)
	eve.upload("/settings/avatar", "avatar", pngOf(t, painted(16, 16, color.White)),
		"user", number, "id", number, "name", "Eva").leadsTo("/settings?done=avatar")
	if got := s.userNow(t, ada.user.ID); got.Avatar != "" {
		t.Error("Eve has set Ada's picture")
	}
	after := s.userNow(t, eve.user.ID)
	if after.Avatar == "" || after.Name != "Eve" {
		t.Errorf("the account is %+v", after)
	}
	for _, path := range []string{
		"/avatars/" + number + "/" + after.Avatar + ".png",
		fmt.Sprintf("/avatars/%d/%s", eve.user.ID, after.Avatar),
		fmt.Sprintf("/avatars/%d/%s.png", eve.user.ID, strings.ToUpper(after.Avatar)),
		fmt.Sprintf("/avatars/%d/..%%2f..%%2fetc%%2fpasswd.png", eve.user.ID),
		fmt.Sprintf("/avatars/%d/%s.png", -int64(eve.user.ID), after.Avatar),
		"/avatars/x/" + after.Avatar + ".png",
		"/avatars/9999999999999999999/" + after.Avatar + ".png",
	} {
		res := ada.get(path)
		res.wants(http.StatusNotFound)
		if strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s may be kept", path)
		}
	}
}
