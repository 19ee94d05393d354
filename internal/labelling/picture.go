package labelling

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"

	"github.com/passerelle/passerelle/internal/fault"
)

const (
	pixelsMost = 40_000_000 // of a file: a small one may unpack to any size
	sideMost   = 1600       // pixels of what is kept
	quality    = 82
)

// picture is a photo as it is kept and served.
type picture struct {
	jpeg          []byte
	sha256        string
	width, height int
}

// redraw decodes a JPEG or PNG, turns it upright, makes it no larger than needed, and encodes
// it anew: nothing of the file but its pixels is left.
func redraw(sent []byte) (picture, error) {
	if len(sent) > PhotoMost {
		return picture{}, fault.New(fault.TooLarge, "photo_too_large", "field", "photo", "megabytes", PhotoMost>>20)
	}
	drawing, err := decodePhoto(sent)
	if err != nil {
		return picture{}, err
	}
	small := upright(shrink(onWhite(drawing)), orientation(sent))
	var out bytes.Buffer
	if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: quality}); err != nil {
		return picture{}, fmt.Errorf("labelling: photo: %w", err)
	}
	sum := sha256.Sum256(out.Bytes())
	return picture{out.Bytes(), hex.EncodeToString(sum[:]), small.Bounds().Dx(), small.Bounds().Dy()}, nil
}

func decodePhoto(sent []byte) (image.Image, error) {
	unread := fault.New(fault.Invalid, "photo_unread", "field", "photo")
	read, measure := jpeg.Decode, jpeg.DecodeConfig
	if bytes.HasPrefix(sent, []byte("\x89PNG\r\n\x1a\n")) {
		read, measure = png.Decode, png.DecodeConfig
	}
	size, err := measure(bytes.NewReader(sent))
	if err != nil || size.Width < 1 || size.Height < 1 {
		return nil, unread
	}
	if size.Width > pixelsMost/size.Height {
		return nil, fault.New(fault.Invalid, "photo_too_many_pixels", "field", "photo", "most", pixelsMost/1_000_000)
	}
	drawing, err := read(bytes.NewReader(sent))
	if err != nil {
		return nil, unread
	}
	return drawing, nil
}

// onWhite gives what is transparent the colour of paper.
func onWhite(drawing image.Image) *image.RGBA {
	b := drawing.Bounds()
	flat := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(flat, flat.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(flat, flat.Bounds(), drawing, b.Min, draw.Over)
	return flat
}

// shrink averages pixels until no side is longer than sideMost.
func shrink(in *image.RGBA) *image.RGBA {
	w, h := in.Bounds().Dx(), in.Bounds().Dy()
	long := max(w, h)
	if long <= sideMost {
		return in
	}
	width, height := max(1, w*sideMost/long), max(1, h*sideMost/long)
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		top, bottom := y*h/height, max((y+1)*h/height, y*h/height+1)
		for x := range width {
			left, right := x*w/width, max((x+1)*w/width, x*w/width+1)
			out.SetRGBA(x, y, average(in, image.Rect(left, top, right, bottom)))
		}
	}
	return out
}

func average(in *image.RGBA, r image.Rectangle) color.RGBA {
	var red, green, blue, count int
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := in.Pix[in.PixOffset(r.Min.X, y):in.PixOffset(r.Max.X, y)]
		for i := 0; i < len(row); i += 4 {
			red, green, blue, count = red+int(row[i]), green+int(row[i+1]), blue+int(row[i+2]), count+1
		}
	}
	return color.RGBA{uint8(red / count), uint8(green / count), uint8(blue / count), 255}
}

// upright turns a photo as its camera was held: 1 to 8 as in Exif 2.3, tag 0x0112.
func upright(in *image.RGBA, held int) *image.RGBA {
	if held < 2 || held > 8 {
		return in
	}
	w, h := in.Bounds().Dx(), in.Bounds().Dy()
	size := image.Rect(0, 0, w, h)
	if held >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(size)
	for y := range h {
		for x := range w {
			to := [...]image.Point{{}, {}, {w - 1 - x, y}, {w - 1 - x, h - 1 - y}, {x, h - 1 - y}, {y, x}, {h - 1 - y, x}, {h - 1 - y, w - 1 - x}, {y, w - 1 - x}}[held]
			out.SetRGBA(to.X, to.Y, in.RGBAAt(x, y))
		}
	}
	return out
}

// orientation finds how the camera was held in a JPEG's Exif block, 1 where it does not say.
func orientation(file []byte) int {
	exif := exifOf(file)
	if len(exif) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if exif[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int(order.Uint32(exif[4:8]))
	if at < 8 || at+2 > len(exif) {
		return 1
	}
	entries := int(order.Uint16(exif[at : at+2]))
	for i := range entries {
		entry := at + 2 + 12*i
		if entry+12 > len(exif) {
			return 1
		}
		if order.Uint16(exif[entry:entry+2]) == 0x0112 {
			return int(order.Uint16(exif[entry+8 : entry+10]))
		}
	}
	return 1
}

// exifOf is the TIFF part of a JPEG's APP1 segment, nil where there is none.
func exifOf(file []byte) []byte {
	const marker, app1, scan = 0xFF, 0xE1, 0xDA
	for at := 2; at+4 <= len(file) && file[at] == marker && file[at+1] != scan; {
		length := int(binary.BigEndian.Uint16(file[at+2 : at+4]))
		end := at + 2 + length
		if length < 2 || end > len(file) {
			return nil
		}
		if body, is := bytes.CutPrefix(file[at+4:end], []byte("Exif\x00\x00")); is && file[at+1] == app1 {
			return body
		}
		at = end
	}
	return nil
}
