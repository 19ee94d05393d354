-- +goose Up

-- files: what people send as proof, apart from everything else. Rows are only added.
CREATE TABLE files (
    id              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT files_pkey PRIMARY KEY,
    organisation_id bigint NOT NULL CONSTRAINT files_organisation REFERENCES organisations,
    name            text NOT NULL CONSTRAINT files_name CHECK (length(name) BETWEEN 1 AND 120),
    media_type      text NOT NULL CONSTRAINT files_media_type CHECK (media_type IN ('application/pdf', 'image/jpeg', 'image/png')),
    sha256          bytea NOT NULL CONSTRAINT files_sha256 CHECK (length(sha256) = 32),
    content         bytea NOT NULL CONSTRAINT files_content CHECK (length(content) BETWEEN 1 AND 5242880),
    sent_at         timestamptz NOT NULL,
    sent_by         bigint NOT NULL CONSTRAINT files_sent_by REFERENCES people
);

-- payees: where the money of structures goes. An account is given, verified, for a change
-- approved by a second person, and paid to from in_force_at on; it ends by another one
-- (replaced_at) or without ever having been in force (ended_at).
ALTER TABLE bank_details
    ADD COLUMN proof_id    bigint CONSTRAINT bank_details_proof REFERENCES files,
    ADD COLUMN changes     boolean NOT NULL DEFAULT false, -- the structure had another account in force when it gave this one
    ADD COLUMN asked_match text NOT NULL DEFAULT '',       -- what the bank of the account answered last, if it was asked
    ADD COLUMN asked_name  text NOT NULL DEFAULT '',       -- and whose it says that the account is
    ADD COLUMN asked_at    timestamptz,
    ADD COLUMN match       text NOT NULL DEFAULT '' CONSTRAINT bank_details_match CHECK (match IN ('', 'match', 'close', 'unavailable', 'earlier')),
    ADD COLUMN how         text NOT NULL DEFAULT '',
    ADD COLUMN verified_at timestamptz,
    ADD COLUMN verified_by bigint CONSTRAINT bank_details_verified_by REFERENCES people,
    ADD COLUMN approved_at timestamptz,
    ADD COLUMN approved_by bigint CONSTRAINT bank_details_approved_by REFERENCES people,
    ADD COLUMN in_force_at timestamptz,
    ADD COLUMN ended_at    timestamptz,
    ADD COLUMN ended_by    bigint CONSTRAINT bank_details_ended_by REFERENCES people,
    ADD COLUMN end_reason  text NOT NULL DEFAULT '';

-- Accounts of before were in force as soon as they were given.
UPDATE bank_details SET match = 'earlier', verified_at = created_at, verified_by = created_by, in_force_at = created_at;

ALTER TABLE bank_details
    ADD CONSTRAINT bank_details_verified CHECK ((verified_at IS NULL) = (match = '') AND (verified_at IS NULL) = (verified_by IS NULL)),
    ADD CONSTRAINT bank_details_verified_by_another CHECK (verified_by <> created_by OR match = 'earlier'),
    ADD CONSTRAINT bank_details_approved CHECK ((approved_at IS NULL) = (approved_by IS NULL)),
    ADD CONSTRAINT bank_details_two_people CHECK (approved_by NOT IN (created_by, verified_by)),
    ADD CONSTRAINT bank_details_in_force CHECK (in_force_at IS NULL OR (verified_at IS NOT NULL AND (approved_at IS NOT NULL OR NOT changes))),
    ADD CONSTRAINT bank_details_cooled CHECK (NOT changes OR in_force_at >= created_at + interval '72 hours');
DROP INDEX bank_details_one_in_force;
CREATE UNIQUE INDEX bank_details_one_in_force ON bank_details (structure_id) WHERE in_force_at IS NOT NULL AND replaced_at IS NULL AND ended_at IS NULL;
CREATE UNIQUE INDEX bank_details_one_waiting ON bank_details (structure_id) WHERE in_force_at IS NULL AND replaced_at IS NULL AND ended_at IS NULL;
