package avatar

import (
	"bytes"
	"slices"
	"testing"
)

func TestReadEXIFSurvivesWhatIsBroken(t *testing.T) {
	t.Parallel()
	whole := []byte("MM\x00*\x00\x00\x00\x08\x00\x02" +
		"\x01\x0f\x00\x02\x00\x00\x00\x04GPS\x00" +
		"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00" +
		"\x00\x00\x00\x00")
	if got := readEXIF(whole); got != 6 {
		t.Fatalf("whole, it says %d", got)
	}
	for cut := range whole {
		for _, broken := range [][]byte{
			whole[:cut],
			slices.Concat(whole[:cut], bytes.Repeat([]byte{0xff}, len(whole)-cut)),
			slices.Concat([]byte("II*\x00"), whole[4:max(4, cut)]),
		} {
			if got := readEXIF(broken); got < 1 || got > 8 {
				t.Errorf("of %q it says %d", broken, got)
			}
		}
	}
}
