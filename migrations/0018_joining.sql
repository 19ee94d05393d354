-- +goose Up

-- identity: a structure that opened its account by itself is not verified until the operator
-- has looked at it. NULL for all others, whom the operator opened.
ALTER TABLE organisations
    ADD COLUMN legal_form       text NOT NULL DEFAULT '',
    ADD COLUMN unverified_since timestamptz;
CREATE INDEX organisations_unverified ON organisations (unverified_since) WHERE unverified_since IS NOT NULL;

-- joining: what somebody said of a structure before their e-mail address was confirmed. The
-- link's secret is stored as a hash only. Rows are forgotten some days after the link's end.
CREATE TABLE joinings (
    token_hash bytea NOT NULL CONSTRAINT joinings_pkey PRIMARY KEY,
    siret      text NOT NULL CONSTRAINT joinings_siret CHECK (siret ~ '^[0-9]{14}$'),
    name       text NOT NULL,
    legal_form text NOT NULL,
    street     text NOT NULL,
    postcode   text NOT NULL,
    town       text NOT NULL,
    person     text NOT NULL,
    email      text NOT NULL,
    asked_at   timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX joinings_by_end ON joinings (expires_at);

-- labelling: a place that an unverified structure added is not listed before the operator has
-- looked at the structure.
ALTER TABLE places ADD COLUMN listed boolean NOT NULL DEFAULT true;
-- Those that carry a SIRET of one legal entity are proposed to it.
CREATE INDEX places_by_siren ON places (left(siret, 9)) WHERE siret <> '';
CREATE INDEX places_by_structure_unlisted ON places (structure_id) WHERE NOT listed;

-- labelling: one photo of a place, apart from the place, so that no list reads it.
CREATE TABLE place_photos (
    place_id bigint NOT NULL CONSTRAINT place_photos_pkey PRIMARY KEY
        CONSTRAINT place_photos_place REFERENCES places,
    sha256   text NOT NULL CONSTRAINT place_photos_sha256 CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    image    bytea NOT NULL,
    width    integer NOT NULL,
    height   integer NOT NULL,
    alt      text NOT NULL,
    set_at   timestamptz NOT NULL,
    set_by   bigint NOT NULL CONSTRAINT place_photos_set_by REFERENCES people
);
