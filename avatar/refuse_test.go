package avatar_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"rally/avatar"
)

// Requirement 38: what is refused.
func TestMakeRefuses(t *testing.T) {
	t.Parallel()
	whole := encodePNG(t, quadrants(64, 64))
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":            {nil, "field.avatar_type"},
		"text":               {[]byte("hello"), "field.avatar_type"},
		"GIF":                {encodeGIF(t, quadrants(64, 64)), "field.avatar_type"},
		"SVG":                {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "field.avatar_type"},
		"SVG with a name":    {[]byte("\xef\xbb\xbf<?xml version=\"1.0\"?><svg/>"), "field.avatar_type"},
		"HTML":               {[]byte("<!doctype html><script>alert(1)</script>"), "field.avatar_type"},
		"space before it":    {append([]byte(" "), whole...), "field.avatar_type"},
		"BMP":                {append([]byte("BM"), make([]byte, 100)...), "field.avatar_type"},
		"AVI":                {[]byte("RIFF\x10\x00\x00\x00AVI LIST\x00\x00\x00\x00"), "field.avatar_type"},
		"too many bytes":     {append(whole, make([]byte, avatar.MaxBytes)...), "field.avatar_large"},
		"too wide":           {encodePNG(t, image.NewGray(image.Rect(0, 0, avatar.MaxSide+1, 1))), "field.avatar_pixels"},
		"too high":           {encodeJPEG(t, image.NewGray(image.Rect(0, 0, 1, avatar.MaxSide+1))), "field.avatar_pixels"},
		"WebP too wide":      {riff("VP8X", "\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00"), "field.avatar_pixels"},
		"only magic":         {whole[:8], "field.avatar_broken"},
		"PNG cut in half":    {whole[:len(whole)/2], "field.avatar_broken"},
		"PNG without an end": {whole[:len(whole)-12], "field.avatar_broken"},
		"PNG with an error":  {slices.Concat(whole[:50], []byte{whole[50] ^ 1}, whole[51:]), "field.avatar_broken"},
		"JPEG cut in half":   {cut(encodeJPEG(t, quadrants(64, 64))), "field.avatar_broken"},
		"JPEG of magic":      {[]byte("\xff\xd8\xff"), "field.avatar_broken"},
		"WebP cut in half":   {cut(read(t, "quadrants-lossy.webp")), "field.avatar_broken"},
		"WebP of nothing":    {riff(), "field.avatar_broken"},
		"PNG, then HTML":     {append(whole, "<script>alert(1)</script>"...), "field.avatar_broken"},
		"WebP, then HTML":    {append(read(t, "quadrants-lossy.webp"), "<script>alert(1)</script>"...), "field.avatar_broken"},
		"PNG, then ZIP":      {append(whole, archive(t)...), "field.avatar_broken"},
		"one PNG in another": {append(whole, whole...), "field.avatar_broken"},
		"animated WebP":      {riff("VP8X", "\x02\x00\x00\x00\x3f\x00\x00\x3f\x00\x00", "ANIM", "\x00\x00\x00\x00\x00\x00"), "field.avatar_broken"},
		"small canvas, big picture": {
			riff("VP8X", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "VP8L", "\x2f\xff\xff\xff\x0f"), "field.avatar_broken",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refusedAs(t, test.data, test.want)
		})
	}
}

func cut(data []byte) []byte { return data[:len(data)/2] }

// Requirement 38: of a file that is something else as well, and of what a
// camera writes about its owner, nothing is left.
func TestMakeLeavesNothingButPixels(t *testing.T) {
	t.Parallel()
	const script = "<script>payload()</script>"
	for name, data := range map[string][]byte{
		"JPEG, then ZIP":      append(encodeJPEG(t, quadrants(64, 64)), archive(t)...),
		"JPEG with a comment": segment(encodeJPEG(t, quadrants(64, 64)), 0xfe, []byte("*/=payload()/*"+script)),
		"JPEG with a place":   segment(encodeJPEG(t, quadrants(64, 64)), 0xe1, append([]byte("Exif\x00\x00"), exif(1)...)),
		"PNG with a text":     chunk(encodePNG(t, quadrants(64, 64)), "tEXt", []byte("Comment\x00"+script)),
		"PNG with a place":    chunk(encodePNG(t, quadrants(64, 64)), "eXIf", exif(1)),
		"PNG with a profile":  chunk(encodePNG(t, quadrants(64, 64)), "iCCP", []byte("payload\x00\x00")),
		"PNG with a ZIP":      chunk(encodePNG(t, quadrants(64, 64)), "pAYl", archive(t)),
		"WebP with a place":   withEXIF(t, "quadrants-lossy.webp", exif(1)),
		"WebP with a script":  withEXIF(t, "quadrants-lossless.webp", []byte(script)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, out := drawn(t, data)
			if got := corners(m); got != plain {
				t.Errorf("it shows %s", got)
			}
			for _, trace := range []string{"payload", "script", "PK\x03\x04", "GPS", "N52", "Exif", "eXIf", "tEXt", "iCCP"} {
				if bytes.Contains(out, []byte(trace)) {
					t.Errorf("it still holds %q", trace)
				}
			}
			// Nothing but what a PNG needs, and nothing behind its end.
			var names []string
			for rest := out[8:]; len(rest) > 0; {
				length := binary.BigEndian.Uint32(rest)
				names = append(names, string(rest[4:8]))
				rest = rest[12+length:]
			}
			if got := strings.Join(slices.Compact(names), " "); got != "IHDR IDAT IEND" {
				t.Errorf("its chunks are %s", got)
			}
		})
	}
}

// allocated gives how much memory fn asks for, and how long it takes. Nothing
// else may run meanwhile, so its tests are not parallel.
func allocated(fn func()) (bytes uint64, took time.Duration) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begun := time.Now()
	fn()
	took = time.Since(begun)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, took
}

// Requirement 38: 80 million pixels in a small file are refused before any is decoded.
// Not in parallel: it measures.
func TestMakeRefusesABombCheaply(t *testing.T) {
	data := bomb(t, 10_000, 8_000)
	bytes, took := allocated(func() { refusedAs(t, data, "field.avatar_pixels") })
	if bytes > 1<<20 || took > time.Second {
		t.Errorf("refusing %d bytes takes %d bytes and %s", len(data), bytes, took)
	}
}

// Not in parallel: it measures.
func TestMakeDrawsTheLargest(t *testing.T) {
	data := bomb(t, avatar.MaxSide, avatar.MaxSide)
	bytes, took := allocated(func() { drawn(t, data) })
	if bytes > 320<<20 {
		t.Errorf("drawing %d bytes takes %d MB and %s", len(data), bytes>>20, took)
	}
}

// A scan of a few bytes makes the decoder go over every pixel once more.
func TestMakeRefusesEndlessScans(t *testing.T) {
	t.Parallel()
	data := encodeJPEG(t, quadrants(64, 64))
	end := len(data) - 2
	scan := data[bytes.LastIndex(data, []byte("\xff\xda")):end]
	drawn(t, slices.Concat(data[:end], bytes.Repeat(scan, 10), data[end:]))
	refusedAs(t, slices.Concat(data[:end], bytes.Repeat(scan, 100), data[end:]), "field.avatar_broken")
}

// Many at once are drawn in turn.
func TestMakeTakesTurns(t *testing.T) {
	t.Parallel()
	data := encodePNG(t, quadrants(64, 64))
	done := make(chan error)
	for range 4 {
		go func() {
			_, err := avatar.Make(data)
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
