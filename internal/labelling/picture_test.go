package labelling

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/passerelle/passerelle/internal/fault"
)

// claiming is a small PNG that says it is so large.
func claiming(t *testing.T, width, height uint32) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	file := b.Bytes()
	binary.BigEndian.PutUint32(file[16:], width)
	binary.BigEndian.PutUint32(file[20:], height)
	binary.BigEndian.PutUint32(file[29:], crc32.ChecksumIEEE(file[12:29]))
	return file
}

func TestAFileThatUnpacksToTooMuchIsRefusedBeforeItIsUnpacked(t *testing.T) {
	t.Parallel()
	for size, code := range map[uint32]string{100_000: "photo_too_many_pixels", 7_000: "photo_too_many_pixels", 100: "photo_unread"} {
		if _, err := redraw(claiming(t, size, size)); fault.Code(err) != code {
			t.Errorf("%d: %v, want %s", size, err, code)
		}
	}
}

func TestEveryWayToHoldACameraComesOutUpright(t *testing.T) {
	t.Parallel()
	// Three by two pixels, each of its own shade, as they should be seen.
	want := [2][3]uint8{{10, 20, 30}, {40, 50, 60}}
	stored := map[int][][]uint8{
		1: {{10, 20, 30}, {40, 50, 60}}, 2: {{30, 20, 10}, {60, 50, 40}}, 3: {{60, 50, 40}, {30, 20, 10}}, 4: {{40, 50, 60}, {10, 20, 30}},
		5: {{10, 40}, {20, 50}, {30, 60}}, 6: {{30, 60}, {20, 50}, {10, 40}}, 7: {{60, 30}, {50, 20}, {40, 10}}, 8: {{40, 10}, {50, 20}, {60, 30}},
		0: {{10, 20, 30}, {40, 50, 60}}, 9: {{10, 20, 30}, {40, 50, 60}},
	}
	for held, rows := range stored {
		in := image.NewRGBA(image.Rect(0, 0, len(rows[0]), len(rows)))
		for y, row := range rows {
			for x, shade := range row {
				in.SetRGBA(x, y, color.RGBA{shade, shade, shade, 255})
			}
		}
		out := upright(in, held)
		for y, row := range want {
			for x, shade := range row {
				if got := out.RGBAAt(x, y).R; got != shade {
					t.Errorf("held %d: %d at %d,%d, want %d", held, got, x, y, shade)
				}
			}
		}
	}
}

func FuzzRedraw(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"))
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if held := orientation(file); held < 0 || held > 0xffff {
			t.Errorf("held %d", held)
		}
		if size, err := png.DecodeConfig(bytes.NewReader(file)); err == nil && size.Width*size.Height > 1_000_000 {
			return // slow, and nothing new
		}
		if p, err := redraw(file); err == nil && (p.width > sideMost || p.height > sideMost || len(p.sha256) != 64) {
			t.Errorf("%+v", p)
		}
	})
}
