package labelling_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/pgtest/world"
)

// drawing is red on its left half and blue on its right one.
func drawing(width, height int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, color.RGBA{R: 255, A: 255})
			if x >= width/2 {
				m.Set(x, y, color.RGBA{B: 255, A: 255})
			}
		}
	}
	return m
}

func asPNG(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withExif is a JPEG as a telephone makes it: with the place where it was taken, and how it
// was held.
func withExif(t *testing.T, m image.Image, held uint16) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	exif := append([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"), byte(held>>8), byte(held), 0, 0)
	exif = append(exif, "GPS 45.88 6.32 Camille"...)
	segment := binary.BigEndian.AppendUint16([]byte{0xFF, 0xE1}, uint16(len(exif)+2))
	return bytes.Join([][]byte{b.Bytes()[:2], segment, exif, b.Bytes()[2:]}, nil)
}

// kept sends a photo and returns what is served.
func kept(t *testing.T, w *world.World, file []byte) (image.Image, []byte) {
	t.Helper()
	photo, err := w.Labelling.SetPhoto(t.Context(), w.Structure.Actor, w.Structure.Place, bytes.NewReader(file), "Une porte bleue")
	if err != nil {
		t.Fatal(err)
	}
	served, hash, err := w.Labelling.Picture(t.Context(), identity.Actor{}, w.Structure.Place)
	if err != nil || hash != photo.SHA256 {
		t.Fatalf("%s, want %s, %v", hash, photo.SHA256, err)
	}
	m, err := jpeg.Decode(bytes.NewReader(served))
	if err != nil {
		t.Fatal(err)
	}
	return m, served
}

func TestAPhotoIsDrawnAnewAndHidesNothing(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	m, served := kept(t, w, withExif(t, drawing(80, 40), 6))
	if bytes.Contains(served, []byte("GPS")) || bytes.Contains(served, []byte("Exif")) {
		t.Error("where it was taken is still in it")
	}
	if b := m.Bounds(); b.Dx() != 40 || b.Dy() != 80 {
		t.Errorf("%v: a camera held upright gives a photo that stands", b)
	}
	if r, _, b, _ := m.At(20, 10).RGBA(); r < b { // turned to the right, the left is above
		t.Error("it stands on its head")
	}
	p, err := w.Labelling.Open(t.Context(), identity.Actor{}, w.Structure.Place)
	if err != nil || p.Photo == nil || p.Photo.Alt != "Une porte bleue" {
		t.Errorf("%+v, %v", p.Photo, err)
	}
	if err := w.Labelling.RemovePhoto(t.Context(), w.Structure.Actor, w.Structure.Place); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.Labelling.Picture(t.Context(), identity.Actor{}, w.Structure.Place)
	wantFault(t, err, "not_found")
	wantFault(t, w.Labelling.RemovePhoto(t.Context(), w.Structure.Actor, w.Structure.Place), "not_found")
}

func TestALargePhotoIsMadeSmaller(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	m, _ := kept(t, w, asPNG(t, drawing(4000, 1000)))
	if b := m.Bounds(); b.Dx() != 1600 || b.Dy() != 400 {
		t.Errorf("%v", b)
	}
	if m, _ = kept(t, w, asPNG(t, image.NewNRGBA(image.Rect(0, 0, 10, 10)))); m.Bounds().Dx() != 10 {
		t.Errorf("%v", m.Bounds())
	}
	if r, g, b, _ := m.At(5, 5).RGBA(); r < 0xf000 || g < 0xf000 || b < 0xf000 {
		t.Error("what is transparent is white")
	}
}

func TestWhatIsNoPhotoIsRefused(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	bomb := asPNG(t, image.NewGray(image.Rect(0, 0, 1, 1)))
	binary.BigEndian.PutUint32(bomb[16:], 100_000)
	binary.BigEndian.PutUint32(bomb[20:], 100_000)
	for _, tt := range []struct {
		code, alt string
		file      []byte
	}{
		{"photo_unread", "Une porte bleue", []byte("<svg onload=alert(1)>")},
		{"photo_unread", "Une porte bleue", nil},
		{"photo_unread", "Une porte bleue", asPNG(t, drawing(40, 40))[:60]},
		{"photo_too_large", "Une porte bleue", bytes.Repeat([]byte{0xff}, labelling.PhotoMost+1)},
		{"photo_alt_length", " ", asPNG(t, drawing(4, 4))},
		{"photo_alt_length", strings.Repeat("x", 201), asPNG(t, drawing(4, 4))},
	} {
		_, err := w.Labelling.SetPhoto(t.Context(), w.Structure.Actor, w.Structure.Place, bytes.NewReader(tt.file), tt.alt)
		wantFault(t, err, tt.code)
	}
	_, err := w.Labelling.SetPhoto(t.Context(), w.Structure.Actor, w.Structure.Place, bytes.NewReader(bomb), "Une porte bleue")
	if err == nil {
		t.Error("a file that unpacks to ten thousand million pixels is taken")
	}
	other := w.NewStructure("PIMMS")
	_, err = w.Labelling.SetPhoto(t.Context(), other.Actor, w.Structure.Place, bytes.NewReader(asPNG(t, drawing(4, 4))), "Une porte bleue")
	wantFault(t, err, "not_found")
}
