-- +goose Up

-- settlement: a file leaves for the bank once a second person has approved it. Until it has
-- left, the settlement can be cancelled, and what it pays is owed again.
ALTER TABLE settlements
    ADD COLUMN approved_at   timestamptz,
    ADD COLUMN approved_by   bigint CONSTRAINT settlements_approved_by REFERENCES people, -- NULL on those of before
    ADD COLUMN taken_at      timestamptz, -- its file was fetched for the first time
    ADD COLUMN sent_at       timestamptz, -- somebody said that the bank has it, or the bank has shown so
    ADD COLUMN cancelled_at  timestamptz,
    ADD COLUMN cancelled_by  bigint CONSTRAINT settlements_cancelled_by REFERENCES people,
    ADD COLUMN cancel_reason text NOT NULL DEFAULT '';
UPDATE settlements SET approved_at = closed_at, taken_at = closed_at, sent_at = closed_at;
ALTER TABLE settlements
    ADD CONSTRAINT settlements_two_people CHECK (approved_by <> closed_by),
    ADD CONSTRAINT settlements_in_order CHECK ((taken_at IS NULL OR approved_at IS NOT NULL) AND (sent_at IS NULL OR taken_at IS NOT NULL)),
    ADD CONSTRAINT settlements_cancelled CHECK ((cancelled_at IS NULL) = (cancelled_by IS NULL) AND (cancelled_at IS NULL OR taken_at IS NULL));
