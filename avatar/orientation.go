package avatar

import (
	"bytes"
	"encoding/binary"
	"image"
)

// orientation says, as EXIF does, where the first row and the first column of
// the stored pixels belong in the picture: 1 to 8.
type orientation uint16

// upright pictures are stored as they look.
const upright orientation = 1

// exifMagic is in front of EXIF in a JPEG, and sometimes elsewhere.
const exifMagic = "Exif\x00\x00"

// readEXIF finds the orientation in EXIF's metadata, a TIFF file without
// pixels. Whatever is missing or broken means upright.
func readEXIF(data []byte) orientation {
	const tagOrientation, typeShort = 0x0112, 3
	data = bytes.TrimPrefix(data, []byte(exifMagic))
	if len(data) < 8 {
		return upright
	}
	var order binary.ByteOrder
	switch string(data[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return upright
	}
	start := int64(order.Uint32(data[4:]))
	if start > int64(len(data))-2 {
		return upright
	}
	entries := int(order.Uint16(data[start:]))
	data = data[start+2:]
	// An entry is its tag, its type, how many values and, here, the value.
	for ; entries > 0 && len(data) >= 12; entries, data = entries-1, data[12:] {
		if order.Uint16(data) != tagOrientation || order.Uint16(data[2:]) != typeShort {
			continue
		}
		if o := orientation(order.Uint16(data[8:])); o >= 1 && o <= 8 {
			return o
		}
	}
	return upright
}

// apply turns a square picture upright.
func (o orientation) apply(stored *image.RGBA) *image.RGBA {
	if o == upright {
		return stored
	}
	last := stored.Bounds().Dx() - 1
	turned := image.NewRGBA(stored.Bounds())
	for y := range last + 1 {
		for x := range last + 1 {
			var fromX, fromY int
			switch o {
			case 2: // mirrored
				fromX, fromY = last-x, y
			case 3: // upside down
				fromX, fromY = last-x, last-y
			case 4: // mirrored upside down
				fromX, fromY = x, last-y
			case 5: // mirrored along the diagonal
				fromX, fromY = y, x
			case 6: // to be turned clockwise
				fromX, fromY = y, last-x
			case 7: // mirrored along the other diagonal
				fromX, fromY = last-y, last-x
			default: // 8: to be turned anticlockwise
				fromX, fromY = last-y, x
			}
			turned.SetRGBA(x, y, stored.RGBAAt(fromX, fromY))
		}
	}
	return turned
}
