package labelling

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/vouchers"
)

// takeOver gives a place that was just added to its structure.
func takeOver(ctx context.Context, tx *db.Tx, sourceID string, structure vouchers.OrganisationID, listed bool) (vouchers.PlaceID, error) {
	var id vouchers.PlaceID
	err := tx.Get(ctx, &id, `
		UPDATE places SET structure_id = $3, claimed_at = $4, listed = $5 WHERE source = $1 AND source_id = $2 RETURNING id`,
		ownSource, sourceID, structure, tx.Now, listed)
	return id, err
}

// proposedMost is how many places of a legal entity are proposed at once.
const proposedMost = 100

func unclaimedOf(ctx context.Context, tx *db.Tx, siren siret.SIREN) ([]Place, error) {
	return read(ctx, tx, selectPlacesAnywhere+`
		WHERE p.structure_id IS NULL AND p.listed AND p.siret <> '' AND left(p.siret, 9) = $2 ORDER BY p.name COLLATE "fr-x-icu", p.id LIMIT $3`, siren, proposedMost)
}

// samePlace tells whether the commune has a place of the same name that everybody, or the
// structure, can see.
func samePlace(ctx context.Context, tx *db.Tx, record stored, structure vouchers.OrganisationID) (known bool, err error) {
	err = tx.Get(ctx, &known, `
		SELECT EXISTS (SELECT FROM places WHERE insee = $1 AND folded = $2 AND (listed OR structure_id = $3))`,
		record.INSEE, record.Folded, structure)
	return known, err
}

// setLocation writes where a place is, for good.
func setLocation(ctx context.Context, tx *db.Tx, id vouchers.PlaceID, s stored) error {
	_, err := tx.Exec(ctx, `
		UPDATE places AS p SET address = $2, postcode = $3, insee = $4, town = $5, epci = $6, departement = $7, lat = $8, lon = $9, folded = $10,
			corrected_at = $11, corrected = ARRAY(SELECT DISTINCT u.name FROM unnest(p.corrected || $12::text[]) AS u(name) ORDER BY u.name)
		WHERE p.id = $1`,
		id, s.Address, s.Postcode, s.INSEE, s.Town, s.EPCI, s.Departement, s.Lat, s.Lon, s.Folded, tx.Now, db.Array(moved))
	return err
}

func setListed(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) error {
	_, err := tx.Exec(ctx, `UPDATE places SET listed = true WHERE structure_id = $1 AND NOT listed`, structure)
	return err
}

// setNobodys takes a place from a structure: it follows its source again, and is closed or
// confirmed only where others than the structure's people have said so last.
func setNobodys(ctx context.Context, tx *db.Tx, id vouchers.PlaceID, structure vouchers.OrganisationID) error {
	_, err := tx.Exec(ctx, `
		UPDATE places SET structure_id = NULL, claimed_at = NULL, corrected = '{}', corrected_at = NULL, (confirmed_at, closed_at) = (
			SELECT max(a.at), max((a.after->>'closed_at')::timestamptz) FROM (
				SELECT at, after FROM audit_entries WHERE object = $2 AND action IN ('place_confirmed', 'place_closed') AND organisation_id IS DISTINCT FROM $3
				ORDER BY id DESC LIMIT 1) AS a)
		WHERE id = $1`, id, object(id), structure)
	return err
}
