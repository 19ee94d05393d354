package catalogue

import (
	"bytes"
	_ "embed"
	"io"
	"regexp"
	"strconv"

	"github.com/passerelle/passerelle/vouchers"
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

// inventedMonth is when the file says that its places were updated.
var inventedMonth = regexp.MustCompile(`,2026-10-(\d\d),`)

// InventedPlacesAt is InventedPlaces as if updated in the month before a day: a demonstration
// of another year must not show a territory that everybody has neglected.
func InventedPlacesAt(today vouchers.Day) io.Reader {
	return bytes.NewReader(inventedMonth.ReplaceAllFunc(inventedPlaces, func(found []byte) []byte {
		of, err := strconv.Atoi(string(found[len(",2026-10-") : len(found)-1]))
		if err != nil {
			return found
		}
		return []byte("," + today.AddDays(of-32).String() + ",")
	}))
}
