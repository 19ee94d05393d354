-- +goose Up

-- invoicing: fees that had been paid online and were taken back with a dispute: their
-- invoice is due again, until the dispute is undone.
CREATE TABLE fee_takebacks (
    dispute_id   bigint NOT NULL CONSTRAINT fee_takebacks_pkey PRIMARY KEY,
    invoice_id   bigint NOT NULL CONSTRAINT fee_takebacks_invoice REFERENCES invoices,
    amount_cents bigint NOT NULL CONSTRAINT fee_takebacks_amount CHECK (amount_cents > 0),
    taken_at     timestamptz NOT NULL,
    undone_at    timestamptz
);
CREATE INDEX fee_takebacks_by_invoice ON fee_takebacks (invoice_id);
