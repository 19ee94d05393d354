-- +goose Up

-- seals: what the ledger's lines up to a time were. Ranges follow each other without a gap;
-- previous is the digest of the seal before (zeros for the first); secret salts the lines'
-- digests and is not published.
CREATE TABLE seals (
    number     bigint CONSTRAINT seals_pkey PRIMARY KEY CONSTRAINT seals_number CHECK (number > 0),
    from_id    bigint NOT NULL CONSTRAINT seals_from UNIQUE,
    to_id      bigint NOT NULL CONSTRAINT seals_to UNIQUE,
    count      bigint NOT NULL,
    root       bytea NOT NULL CONSTRAINT seals_root CHECK (length(root) = 32),
    previous   bytea NOT NULL CONSTRAINT seals_previous CHECK (length(previous) = 32),
    secret     bytea NOT NULL CONSTRAINT seals_secret CHECK (length(secret) = 32),
    sealed_at  timestamptz NOT NULL,
    key_id     smallint NOT NULL,
    public_key bytea NOT NULL CONSTRAINT seals_public_key CHECK (length(public_key) = 32),
    signature  bytea NOT NULL CONSTRAINT seals_signature CHECK (length(signature) = 64),
    CONSTRAINT seals_range CHECK (from_id > 0 AND count > 0 AND count <= to_id - from_id + 1)
);
CREATE TRIGGER seals_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON seals
    FOR EACH STATEMENT EXECUTE FUNCTION only_ever_added();
