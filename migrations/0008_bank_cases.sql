-- +goose Up

-- statements: a line that is no plain payment waits for a person. A line has at most one
-- case; one without is as it should be.
CREATE TABLE bank_cases (
    line_id     bigint NOT NULL CONSTRAINT bank_cases_pkey PRIMARY KEY CONSTRAINT bank_cases_line REFERENCES statement_lines,
    kind        text NOT NULL CONSTRAINT bank_cases_kind CHECK (kind IN (
        'unexpected_debit', 'payment_returned', 'payout_returned', 'wrong_account', 'wrong_reference', 'unknown_payer',
        'double_payment', 'over_payment', 'part_payment')),
    opened_at   timestamptz NOT NULL,
    reminded_at timestamptz, -- the funder, of what is missing
    decision    text CONSTRAINT bank_cases_decision CHECK (decision IN (
        'order', 'fees', 'keep', 'refund', 'return', 'top_up', 'debt', 'pair', 'noted', 'completed')),
    pair_id     bigint CONSTRAINT bank_cases_pair UNIQUE REFERENCES statement_lines, -- the line of the other direction that answers this one
    note        text NOT NULL DEFAULT '',
    decided_at  timestamptz,
    decided_by  bigint CONSTRAINT bank_cases_decided_by REFERENCES people, -- NULL: the rest of a part payment has come
    CONSTRAINT bank_cases_decided CHECK ((decision IS NULL) = (decided_at IS NULL)),
    CONSTRAINT bank_cases_paired CHECK ((pair_id IS NOT NULL) = (decision IS NOT DISTINCT FROM 'pair'))
);
CREATE INDEX bank_cases_open ON bank_cases (kind, line_id) WHERE decision IS NULL;

INSERT INTO bank_cases (line_id, kind, opened_at)
SELECT l.id, CASE WHEN l.credit THEN 'unknown_payer' ELSE 'unexpected_debit' END, s.imported_at
FROM statement_lines l JOIN statements s ON s.id = l.statement_id WHERE l.cause IS NULL;

-- Who has paid before, and which payment a debit gives back.
CREATE INDEX statement_lines_by_iban ON statement_lines (counterparty_iban) WHERE counterparty_iban <> '';
CREATE INDEX statement_lines_by_name ON statement_lines (end_to_end) WHERE end_to_end <> '';
CREATE INDEX statements_by_account ON statements (account, closing_on, id);

-- A file that somebody has sent and that is being imported: body is kept until it is.
CREATE TABLE statement_files (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT statement_files_pkey PRIMARY KEY,
    name        text NOT NULL,
    sha256      bytea NOT NULL,
    body        bytea,
    statements  integer NOT NULL,
    lines       integer NOT NULL,
    lines_done  integer NOT NULL DEFAULT 0,
    sent_at     timestamptz NOT NULL,
    sent_by     bigint NOT NULL CONSTRAINT statement_files_sent_by REFERENCES people,
    done_at     timestamptz,
    CONSTRAINT statement_files_done CHECK ((done_at IS NULL) = (body IS NOT NULL))
);

-- orders: the bank may give back what was a funder's credit, too; and a funder may pay a debt
-- to the operator, who has put it back before.
ALTER TABLE takebacks
    ADD COLUMN credit_cents bigint NOT NULL DEFAULT 0 CONSTRAINT takebacks_credit CHECK (credit_cents >= 0),
    ADD COLUMN paid_cents   bigint NOT NULL DEFAULT 0 CONSTRAINT takebacks_paid CHECK (paid_cents BETWEEN 0 AND debt_cents);
