-- +goose Up

-- settlement: structures that ask to be paid before the next day of settlement, and when the
-- bank brought a payout back.
ALTER TABLE payouts ADD COLUMN returned_at timestamptz; -- NULL on those that came back before

-- identity: what a structure's statements say of VAT. A voucher is a multi-purpose one, so that
-- VAT, where the structure owes any, is on what it redeems (article 256 ter of the CGI).
ALTER TABLE organisations ADD COLUMN vat_regime text NOT NULL DEFAULT ''
    CONSTRAINT organisations_vat_regime CHECK (vat_regime IN ('', 'liable', 'franchise', 'exempt'));

CREATE TABLE payout_requests (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT payout_requests_pkey PRIMARY KEY,
    structure_id bigint      NOT NULL CONSTRAINT payout_requests_structure REFERENCES organisations,
    asked_at     timestamptz NOT NULL,
    asked_by     bigint      NOT NULL CONSTRAINT payout_requests_person REFERENCES people,
    payout_id    bigint      CONSTRAINT payout_requests_payout REFERENCES payouts -- that answers it; NULL: it waits
);
CREATE UNIQUE INDEX payout_requests_one ON payout_requests (structure_id) WHERE payout_id IS NULL;
CREATE INDEX payout_requests_answered ON payout_requests (payout_id) WHERE payout_id IS NOT NULL;
