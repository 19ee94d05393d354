-- +goose Up

-- Finds the transfers of an account and of an event where there are millions. A block
-- range index with Bloom filters says in which stretches of the table a value is not: it
-- is a hundredth of the table, and a transfer is added to it only when its stretch of 32
-- pages is full and autovacuum passes, so that a redemption does not pay for it.
CREATE INDEX transfers_found ON transfers
    USING brin (debit text_bloom_ops, credit text_bloom_ops, cause int8_bloom_ops) WITH (pages_per_range = 32, autosummarize = on);

-- money: a debt that the operator bears instead of the funder. One person asks, another
-- decides.
CREATE TABLE debt_writeoffs (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT debt_writeoffs_pkey PRIMARY KEY,
    order_id     bigint NOT NULL CONSTRAINT debt_writeoffs_order REFERENCES orders,
    funder_id    bigint NOT NULL CONSTRAINT debt_writeoffs_funder REFERENCES organisations,
    amount_cents bigint NOT NULL CONSTRAINT debt_writeoffs_amount CHECK (amount_cents > 0),
    reason       text NOT NULL,
    state        text NOT NULL CONSTRAINT debt_writeoffs_state CHECK (state IN ('requested', 'approved', 'refused')),
    requested_at timestamptz NOT NULL,
    requested_by bigint NOT NULL CONSTRAINT debt_writeoffs_requested_by REFERENCES people,
    decided_at   timestamptz,
    decided_by   bigint CONSTRAINT debt_writeoffs_decided_by REFERENCES people,
    CONSTRAINT debt_writeoffs_decided CHECK ((state = 'requested') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)),
    CONSTRAINT debt_writeoffs_two_people CHECK (state <> 'approved' OR decided_by <> requested_by)
);
CREATE UNIQUE INDEX debt_writeoffs_one_open ON debt_writeoffs (order_id) WHERE state = 'requested';
CREATE INDEX debt_writeoffs_by_order ON debt_writeoffs (order_id);
