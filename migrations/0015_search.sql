-- +goose Up

-- search: the words of places and of their services, for questions. They are generated, so
-- that they can never be stale.

CREATE FUNCTION unaccented(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT translate(lower(said), 'àâäáãéèêëíìîïóòôöõúùûüçñ’''-', 'aaaaaeeeeiiiiooooouuuucn   ')
$$;

ALTER TABLE places ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('simple', folded)) STORED;
CREATE INDEX places_by_words ON places USING gin (words);
CREATE INDEX places_by_theme ON places USING gin (themes);
CREATE INDEX places_by_insee ON places (insee);

ALTER TABLE services ADD COLUMN words tsvector NOT NULL
    GENERATED ALWAYS AS (to_tsvector('simple', unaccented(title || ' ' || description))) STORED;
CREATE INDEX services_by_words ON services USING gin (words);
CREATE INDEX services_by_theme ON services (theme, place_id) WHERE withdrawn_at IS NULL;
