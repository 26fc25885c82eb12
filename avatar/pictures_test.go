package avatar_test

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"slices"
	"strings"
	"testing"

	"rally"
	"rally/avatar"
)

var (
	red   = color.RGBA{R: 255, A: 255}
	green = color.RGBA{G: 255, A: 255}
	blue  = color.RGBA{B: 255, A: 255}
	white = color.RGBA{R: 255, G: 255, B: 255, A: 255}
)

// quadrants is a picture of four colours: red and green above, blue and white
// below.
func quadrants(width, height int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetRGBA(x, y, [2][2]color.RGBA{{red, green}, {blue, white}}[2*y/height][2*x/width])
		}
	}
	return m
}

func encodePNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeGIF(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// exif is EXIF's metadata with an orientation and, as cameras have it, a place.
func exif(orientation uint16) []byte {
	b := []byte("MM\x00*\x00\x00\x00\x08\x00\x02")
	b = append(b, 0x01, 0x0f, 0, 2, 0, 0, 0, 4, 'G', 'P', 'S', 0) // the maker
	b = append(b, 0x01, 0x12, 0, 3, 0, 0, 0, 1, byte(orientation>>8), byte(orientation), 0, 0)
	return append(b, "\x00\x00\x00\x00 N52.5200 E13.4050"...)
}

// segment gives a JPEG with a further segment behind its first marker.
func segment(file []byte, marker byte, content []byte) []byte {
	head := []byte{0xff, marker, byte((len(content) + 2) >> 8), byte(len(content) + 2)}
	return slices.Concat(file[:2], head, content, file[2:])
}

// chunk gives a PNG with a further chunk behind its header.
func chunk(file []byte, name string, content []byte) []byte {
	named := append([]byte(name), content...)
	whole := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	whole = append(whole, named...)
	whole = binary.BigEndian.AppendUint32(whole, crc32.ChecksumIEEE(named))
	const header = 8 + 12 + 13
	return slices.Concat(file[:header], whole, file[header:])
}

// riff gives a WebP of these chunks: names and contents in turn.
func riff(chunks ...string) []byte {
	body := []byte("WEBP")
	for pair := range slices.Chunk(chunks, 2) {
		body = append(body, pair[0]...)
		body = binary.LittleEndian.AppendUint32(body, uint32(len(pair[1])))
		body = append(body, pair[1]...)
		if len(pair[1])%2 == 1 {
			body = append(body, 0)
		}
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// withEXIF gives the WebP of testdata with metadata.
func withEXIF(t testing.TB, name string, metadata []byte) []byte {
	t.Helper()
	simple := read(t, name)
	const side = "\x3f\x00\x00" // 64, less one
	return riff("VP8X", "\x08\x00\x00\x00"+side+side, string(simple[12:16]), string(simple[20:]), "EXIF", string(metadata))
}

// drawn makes an avatar, and wants a square of the right size.
func drawn(t *testing.T, data []byte) (image.Image, []byte) {
	t.Helper()
	out, err := avatar.Make(data)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	m, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if m.Bounds() != image.Rect(0, 0, avatar.Side, avatar.Side) {
		t.Fatalf("it is %v", m.Bounds())
	}
	return m, out
}

// corners names the colours of the picture's quadrants, row by row.
func corners(m image.Image) string {
	var names []string
	const near, far = avatar.Side / 4, 3 * avatar.Side / 4
	for _, at := range []image.Point{{near, near}, {far, near}, {near, far}, {far, far}} {
		c, _ := color.RGBAModel.Convert(m.At(at.X, at.Y)).(color.RGBA)
		name := "?"
		for known, want := range map[string]color.RGBA{"red": red, "green": green, "blue": blue, "white": white} {
			if off(c.R, want.R)+off(c.G, want.G)+off(c.B, want.B)+off(c.A, want.A) < 40 {
				name = known
			}
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func off(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }

// refusedAs wants data to be refused with this message.
func refusedAs(t *testing.T, data []byte, want string) {
	t.Helper()
	_, err := avatar.Make(data)
	e, ok := errors.AsType[*rally.Error](err)
	if !ok || e.Code != rally.EInvalid || e.Fields["avatar"] != want {
		t.Errorf("answered %v, not %s", err, want)
	}
}

// bomb is a PNG of so many pixels that says so in few bytes.
func bomb(t testing.TB, width, height uint32) []byte {
	t.Helper()
	var packed bytes.Buffer
	w, err := zlib.NewWriterLevel(&packed, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, int(width+1)*int(height))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data := []byte("\x89PNG\r\n\x1a\n")
	for _, c := range []struct{ name, content string }{
		{"IHDR", string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)) + "\x08\x00\x00\x00\x00"},
		{"IDAT", packed.String()},
		{"IEND", ""},
	} {
		named := []byte(c.name + c.content)
		data = binary.BigEndian.AppendUint32(data, uint32(len(c.content)))
		data = append(data, named...)
		data = binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(named))
	}
	return data
}

// archive is a ZIP with something to run in it.
func archive(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("payload.class")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("payload")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
