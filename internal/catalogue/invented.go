package catalogue

import (
	"bytes"
	_ "embed"
	"io"
)

//go:embed data/invented-places.csv
var inventedPlaces []byte

// InventedPlaces is a territory for demonstrations and tests, in standard-mediation-num:
// places that do not exist, in real communes of Haute-Savoie and Savoie. Their phone numbers
// are in the ranges kept for fiction (ARCEP, decision 2018-0881), their web addresses end in
// ".example" (RFC 2606), and the column source says "Territoire inventé de démonstration".
func InventedPlaces() io.Reader {
	return bytes.NewReader(inventedPlaces)
}
