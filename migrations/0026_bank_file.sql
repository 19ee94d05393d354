-- +goose Up

-- settlement: what the bank asks of files, as it was when each settlement was closed. A file is
-- a pure function of rows: those closed before keep the addresses of layout 1, in which the
-- whole street is one field.
ALTER TABLE settlements
    ADD COLUMN file_version     text NOT NULL DEFAULT '09' CONSTRAINT settlements_file_version CHECK (file_version IN ('03', '09')),
    ADD COLUMN file_layout      integer NOT NULL DEFAULT 1 CONSTRAINT settlements_file_layout CHECK (file_layout IN (1, 2)),
    ADD COLUMN category_purpose text NOT NULL DEFAULT '' CONSTRAINT settlements_category_purpose CHECK (category_purpose ~ '^([A-Z]{4})?$');

-- A settlement of more payouts than the bank takes in one file has several.
CREATE TABLE settlement_files (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT settlement_files_pkey PRIMARY KEY,
    settlement_id bigint NOT NULL CONSTRAINT settlement_files_settlement REFERENCES settlements,
    number        integer NOT NULL CONSTRAINT settlement_files_number CHECK (number > 0),
    message_id    text NOT NULL CONSTRAINT settlement_files_message UNIQUE,
    payouts       integer NOT NULL CONSTRAINT settlement_files_payouts CHECK (payouts > 0),
    total_cents   bigint NOT NULL CONSTRAINT settlement_files_total CHECK (total_cents > 0),
    sha256        bytea NOT NULL,
    taken_at      timestamptz, -- fetched for the first time
    CONSTRAINT settlement_files_numbered UNIQUE (settlement_id, number)
);
INSERT INTO settlement_files (settlement_id, number, message_id, payouts, total_cents, sha256, taken_at)
SELECT id, 1, message_id, payouts, total_cents, file_sha256, taken_at FROM settlements ORDER BY id;
ALTER TABLE payouts ADD COLUMN file_number integer NOT NULL DEFAULT 1;

-- closing: refunds go to the same bank.
ALTER TABLE refund_files
    ADD COLUMN file_version text NOT NULL DEFAULT '09' CONSTRAINT refund_files_file_version CHECK (file_version IN ('03', '09')),
    ADD COLUMN file_layout  integer NOT NULL DEFAULT 1 CONSTRAINT refund_files_file_layout CHECK (file_layout IN (1, 2));

-- labelling: verify looks up the labels of the place of every redemption, ended ones too.
CREATE INDEX labels_by_place ON labels (place_id);
