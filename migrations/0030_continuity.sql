-- +goose Up

-- Exports made for a trustee. Not carried into another instance.
CREATE TABLE continuity_exports (
    id              bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT continuity_exports_pkey PRIMARY KEY,
    made_at         timestamptz NOT NULL, -- of the snapshot
    made_by         bigint      CONSTRAINT continuity_exports_made_by REFERENCES people, -- NULL: by itself, once a day
    folder          text        NOT NULL,
    transfers_up_to bigint      NOT NULL, -- the last of the ledger's lines that is in it
    owed_cents      bigint      NOT NULL,
    files           integer     NOT NULL CONSTRAINT continuity_exports_files CHECK (files > 0),
    size_bytes      bigint      NOT NULL CONSTRAINT continuity_exports_size CHECK (size_bytes > 0),
    manifest_sha256 bytea       NOT NULL CONSTRAINT continuity_exports_manifest CHECK (length(manifest_sha256) = 32)
);

-- NULL: a trustee has paid it from an export, and no person of the operator has closed it.
ALTER TABLE settlements ALTER COLUMN closed_by DROP NOT NULL;
