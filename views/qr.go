package views

import (
	"fmt"
	"strings"
)

// qrBox is the viewBox of a QR code with one unit to a module.
func qrBox(rows [][]bool) string { return fmt.Sprintf("0 0 %d %d", len(rows[0]), len(rows)) }

// qrPath outlines the dark modules, one rectangle for each run in a row.
func qrPath(rows [][]bool) string {
	var b strings.Builder
	for y, row := range rows {
		for x := 0; x < len(row); x++ {
			from := x
			for x < len(row) && row[x] {
				x++
			}
			if n := x - from; n > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from, y, n, n)
			}
		}
	}
	return b.String()
}
