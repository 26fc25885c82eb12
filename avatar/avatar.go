// Package avatar turns a picture that somebody has uploaded into the one that
// the site shows: a square PNG, drawn anew from the pixels alone. Nothing else
// of the file survives: no metadata, no second meaning.
package avatar

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"time"

	"golang.org/x/image/draw"
	"golang.org/x/sync/semaphore"

	"rally"
)

// What is accepted, and what is made of it.
const (
	MaxBytes = 2 << 20 // of the file
	MaxSide  = 4096    // pixels of the longer side
	Side     = 256     // pixels of each side of the picture made
)

// A picture may cost some 18 bytes a pixel while it is drawn (a progressive
// JPEG, say), 300 MB at the most: one of full size is drawn alone, and two of
// half its size at once. Whoever finds the places taken waits as long as
// people do.
const (
	atOnce   = MaxSide * MaxSide // pixels
	patience = 5 * time.Second
)

// places bounds the memory of the process, so the process has one.
var places = semaphore.NewWeighted(atOnce)

// Make draws an uploaded PNG, JPEG or WebP, told by its content, as a square
// PNG: the middle of the picture, upright as its metadata says, Side pixels
// wide. A picture that is not accepted is an EInvalid error that says why in
// its field "avatar"; when too many are being drawn it is EUnavailable.
func Make(data []byte) ([]byte, error) {
	if len(data) > MaxBytes {
		return nil, invalid("field.avatar_large", nil)
	}
	f := sniff(data)
	if f == nil {
		return nil, invalid("field.avatar_type", nil)
	}
	config, err := f.config(bytes.NewReader(data))
	if err != nil {
		return nil, invalid("field.avatar_broken", err)
	}
	if config.Width > MaxSide || config.Height > MaxSide {
		return nil, invalid("field.avatar_pixels", nil)
	}
	turned, whole := f.inspect(data)
	if !whole || config.Width < 1 || config.Height < 1 {
		return nil, invalid("field.avatar_broken", nil)
	}

	weight := max(int64(config.Width)*int64(config.Height), atOnce/2)
	waiting, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := places.Acquire(waiting, weight); err != nil {
		return nil, &rally.Error{Code: rally.EUnavailable, Message: "error.busy", RetryAfter: 5, Cause: err}
	}
	defer places.Release(weight)

	picture, err := f.decode(bytes.NewReader(data))
	if err != nil {
		return nil, invalid("field.avatar_broken", err)
	}
	square := image.NewRGBA(image.Rect(0, 0, Side, Side))
	draw.CatmullRom.Scale(square, square.Bounds(), picture, middle(picture.Bounds()), draw.Src, nil)
	var out bytes.Buffer
	if err := png.Encode(&out, turned.apply(square)); err != nil {
		return nil, fmt.Errorf("encoding an avatar: %w", err)
	}
	return out.Bytes(), nil
}

// middle gives the largest square in the middle of r.
func middle(r image.Rectangle) image.Rectangle {
	side := min(r.Dx(), r.Dy())
	corner := r.Min.Add(image.Pt((r.Dx()-side)/2, (r.Dy()-side)/2))
	return image.Rectangle{corner, corner.Add(image.Pt(side, side))}
}

// invalid says in the form's field what is wrong with the picture.
func invalid(problem string, cause error) error {
	return &rally.Error{
		Code: rally.EInvalid, Message: "error.invalid", Fields: map[string]string{"avatar": problem}, Cause: cause,
	}
}
