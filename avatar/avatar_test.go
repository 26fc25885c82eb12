package avatar_test

import (
	"bytes"
	"image"
	"image/png"
	"testing"

	"rally"
	"rally/avatar"
)

const plain = "red green blue white"

// Requirement 38: what is accepted.
func TestMakeDrawsASquare(t *testing.T) {
	t.Parallel()
	stretched := image.NewNRGBA64(image.Rect(7, 9, 107, 109)) // whose corner is not (0, 0)
	for y := 9; y < 109; y++ {
		for x := 7; x < 107; x++ {
			stretched.Set(x, y, quadrants(100, 100).At(x-7, y-9))
		}
	}
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"PNG":               {encodePNG(t, quadrants(300, 300)), plain},
		"PNG of 16 bits":    {encodePNG(t, stretched), plain},
		"small PNG":         {encodePNG(t, quadrants(2, 2)), plain},
		"JPEG":              {encodeJPEG(t, quadrants(512, 512)), plain},
		"wide":              {encodePNG(t, quadrants(900, 300)), plain},
		"high":              {encodeJPEG(t, quadrants(300, 900)), plain},
		"lossy WebP":        {read(t, "quadrants-lossy.webp"), plain},
		"lossless WebP":     {read(t, "quadrants-lossless.webp"), plain},
		"one pixel":         {encodePNG(t, quadrants(1, 1)), "red red red red"},
		"a line":            {encodePNG(t, quadrants(1, 4096)), "white white white white"},
		"camera's leavings": {append(encodeJPEG(t, quadrants(64, 64)), "MotionPhoto_Data"...), plain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, _ := drawn(t, test.data)
			if got := corners(m); name != "a line" && got != test.want {
				t.Errorf("it shows %s", got)
			}
		})
	}
}

func TestMakeKeepsTransparency(t *testing.T) {
	t.Parallel()
	m, _ := drawn(t, encodePNG(t, image.NewNRGBA(image.Rect(0, 0, 10, 10))))
	if _, _, _, alpha := m.At(100, 100).RGBA(); alpha != 0 {
		t.Errorf("alpha is %d", alpha)
	}
}

func TestMakeTurnsUpright(t *testing.T) {
	t.Parallel()
	for orientation, want := range map[uint16]string{
		0: plain,
		1: plain,
		2: "green red white blue",
		3: "white blue green red",
		4: "blue white red green",
		5: "red blue green white",
		6: "blue red white green",
		7: "white green blue red",
		8: "green white red blue",
		9: plain,
	} {
		metadata := exif(orientation)
		for name, data := range map[string][]byte{
			"JPEG": segment(encodeJPEG(t, quadrants(64, 64)), 0xe1, append([]byte("Exif\x00\x00"), metadata...)),
			"PNG":  chunk(encodePNG(t, quadrants(64, 64)), "eXIf", metadata),
			"WebP": withEXIF(t, "quadrants-lossless.webp", metadata),
		} {
			m, _ := drawn(t, data)
			if got := corners(m); got != want {
				t.Errorf("%s of orientation %d shows %s, not %s", name, orientation, got, want)
			}
		}
	}
}

func FuzzMake(f *testing.F) {
	small := encodePNG(f, quadrants(8, 8))
	for _, seed := range [][]byte{
		small, chunk(small, "eXIf", exif(6)), append(small, "PK"...),
		encodeJPEG(f, quadrants(8, 8)), segment(encodeJPEG(f, quadrants(8, 8)), 0xe1, append([]byte("Exif\x00\x00"), exif(6)...)),
		read(f, "quadrants-lossy.webp"), read(f, "quadrants-lossless.webp"), withEXIF(f, "quadrants-lossy.webp", exif(3)),
		encodeGIF(f, quadrants(8, 8)),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := avatar.Make(data)
		if err != nil {
			if rally.ErrorCode(err) != rally.EInvalid {
				t.Errorf("answered %v", err)
			}
			return
		}
		config, err := png.DecodeConfig(bytes.NewReader(out))
		if err != nil || config.Width != avatar.Side || config.Height != avatar.Side {
			t.Errorf("it makes %+v, %v", config, err)
		}
	})
}
