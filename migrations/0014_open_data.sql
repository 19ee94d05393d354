-- +goose Up

-- labelling: a place that several sources describe follows the first that brought it; the
-- others' names for it lead to it, so that it has one card however often they come.
CREATE TABLE place_aliases (
    source    text NOT NULL,
    source_id text NOT NULL,
    place_id  bigint NOT NULL CONSTRAINT place_aliases_place REFERENCES places,
    found_at  timestamptz NOT NULL,
    CONSTRAINT place_aliases_pkey PRIMARY KEY (source, source_id)
);
CREATE INDEX place_aliases_by_place ON place_aliases (place_id);
