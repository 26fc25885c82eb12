package avatar

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// How files begin.
const (
	pngMagic  = "\x89PNG\r\n\x1a\n"
	jpegMagic = "\xff\xd8\xff"
)

// format is a kind of picture that is accepted.
type format struct {
	config func(io.Reader) (image.Config, error) // reads no more than the header
	decode func(io.Reader) (image.Image, error)
	// inspect finds how the picture has to be turned, and whether the file is
	// one whole picture that can be decoded in reasonable time. Decoders stop
	// where the picture ends and would not notice that a PNG or a WebP goes on
	// as something else.
	inspect func(data []byte) (turned orientation, whole bool)
}

// sniff finds the format of a file by its first bytes; nil if it is none that
// is accepted.
func sniff(data []byte) *format {
	switch {
	case bytes.HasPrefix(data, []byte(pngMagic)):
		return &format{png.DecodeConfig, png.Decode, inspectPNG}
	case bytes.HasPrefix(data, []byte(jpegMagic)):
		return &format{jpeg.DecodeConfig, jpeg.Decode, inspectJPEG}
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return &format{webp.DecodeConfig, decodeWebP, inspectWebP}
	default:
		return nil
	}
}

// inspectPNG walks the chunks of a PNG.
func inspectPNG(data []byte) (turned orientation, whole bool) {
	turned = upright
	data = data[len(pngMagic):]
	for {
		// Length, name, content and checksum.
		if len(data) < 12 {
			return turned, false
		}
		length := int64(binary.BigEndian.Uint32(data))
		if length > int64(len(data))-12 {
			return turned, false
		}
		name, content := string(data[4:8]), data[8:8+length]
		data = data[12+length:]
		switch name {
		case "eXIf":
			turned = readEXIF(content)
		case "IEND":
			return turned, len(data) == 0
		}
	}
}

// inspectWebP walks the chunks of a WebP.
func inspectWebP(data []byte) (turned orientation, whole bool) {
	turned = upright
	// The length counts what follows it, "WEBP" included.
	if int64(binary.LittleEndian.Uint32(data[4:])) != int64(len(data))-8 {
		return turned, false
	}
	data = data[12:]
	for len(data) >= 8 {
		name, length := string(data[:4]), int64(binary.LittleEndian.Uint32(data[4:]))
		padded := length + length&1
		if padded > int64(len(data))-8 {
			return turned, false
		}
		if name == "EXIF" {
			turned = readEXIF(data[8 : 8+length])
		}
		data = data[8+padded:]
	}
	return turned, len(data) == 0
}

// decodeWebP decodes a WebP. The library gives a lossy one's planes as they are
// stored, in the narrow range of video (16 to 235, and to 240 for colour), yet
// calls them those of a JPEG, which go from 0 to 255: white would be grey.
func decodeWebP(r io.Reader) (image.Image, error) {
	picture, err := webp.Decode(r)
	if err != nil {
		return nil, fmt.Errorf("decoding a WebP: %w", err)
	}
	switch p := picture.(type) {
	case *image.YCbCr:
		widen(p)
	case *image.NYCbCrA:
		widen(&p.YCbCr)
	}
	return picture, nil
}

// widen stretches planes in video's range to the whole range.
func widen(p *image.YCbCr) {
	const low = 16
	var luma, chroma [256]uint8
	for i := range 256 {
		luma[i] = uint8(min(max(((i-low)*255+109)/219, 0), 255))
		chroma[i] = uint8(min(max(((i-low)*255+112)/224, 0), 255))
	}
	for i, v := range p.Y {
		p.Y[i] = luma[v]
	}
	for i, v := range p.Cb {
		p.Cb[i] = chroma[v]
	}
	for i, v := range p.Cr {
		p.Cr[i] = chroma[v]
	}
}

// maxScans is how often a JPEG may go over its pixels. Encoders do so some ten
// times; a file of nothing but scans would keep the decoder busy for minutes.
const maxScans = 64

// inspectJPEG walks the segments and the scans of a JPEG. What comes behind
// its end does not matter: cameras put all kinds of things there, and no pixel
// comes from it.
func inspectJPEG(data []byte) (turned orientation, whole bool) {
	const app1, startOfScan, endOfImage = 0xe1, 0xda, 0xd9
	turned = upright
	data = data[2:]
	for scans := 0; scans <= maxScans; {
		marker, rest, ok := nextMarker(data)
		if !ok || marker == endOfImage {
			return turned, ok
		}
		length := 2
		if len(rest) >= 2 {
			length = int(binary.BigEndian.Uint16(rest)) // its own two bytes included
		}
		if length < 2 || length > len(rest) {
			return turned, false
		}
		content := rest[2:length]
		switch {
		case marker == app1 && bytes.HasPrefix(content, []byte(exifMagic)):
			turned = readEXIF(content)
		case marker == startOfScan:
			scans++
		}
		data = rest[length:]
	}
	return turned, false
}

// nextMarker finds the next marker that begins a segment, behind the pixels of
// a scan if need be, and gives what follows it.
func nextMarker(data []byte) (marker byte, rest []byte, ok bool) {
	const restart, restartEnd = 0xd0, 0xd7
	for {
		i := bytes.IndexByte(data, 0xff)
		if i < 0 || i+1 == len(data) {
			return 0, nil, false
		}
		switch m := data[i+1]; {
		case m == 0xff: // fill
			data = data[i+1:]
		case m == 0, m >= restart && m <= restartEnd: // among the pixels
			data = data[i+2:]
		default:
			return m, data[i+2:], true
		}
	}
}
