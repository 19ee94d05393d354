-- +goose Up

-- settlement: whether a settlement's files ask the bank for one debit each (BtchBookg), as it was
-- when it was closed; and the line of a statement that showed a file's debit as one sum, on
-- each payout that was booked by it. One booked by a line of its own has none.
ALTER TABLE settlements ADD COLUMN batch_booking boolean NOT NULL DEFAULT false;
ALTER TABLE payouts
    ADD COLUMN batch_line bigint,
    ADD CONSTRAINT payouts_batch_line CHECK (batch_line IS NULL OR state IN ('booked', 'returned'));
CREATE INDEX payouts_by_batch_line ON payouts (batch_line, id) WHERE batch_line IS NOT NULL;

-- statements: a line may be the debit of a whole file, whose transfers the bank does not name;
-- one that is not what the file's payouts come to waits for a person. NULL: the bank has not
-- said of how many transfers the line is the sum, or it is no such sum.
ALTER TABLE statement_lines ADD COLUMN batch_count integer;
ALTER TABLE statement_lines DROP CONSTRAINT statement_lines_outcome;
ALTER TABLE statement_lines ADD CONSTRAINT statement_lines_outcome CHECK (outcome IN (
    'order_funded', 'unattributed', 'payout_booked', 'payout_returned', 'unexpected_debit', 'payment_returned', 'topped_up', 'fees_paid',
    'card_banked', 'stripe_payout', 'refund_booked', 'refund_returned', 'claim_booked', 'claim_returned', 'claim_arrived', 'fees_back_booked',
    'fees_back_returned', 'debt_paid', 'operating_other', 'debt_repaid', 'batch_booked')) NOT VALID;
ALTER TABLE statement_lines VALIDATE CONSTRAINT statement_lines_outcome;
ALTER TABLE bank_cases DROP CONSTRAINT bank_cases_kind;
ALTER TABLE bank_cases ADD CONSTRAINT bank_cases_kind CHECK (kind IN ('unexpected_debit', 'payment_returned', 'payout_returned', 'wrong_account',
    'wrong_reference', 'unknown_payer', 'double_payment', 'over_payment', 'part_payment', 'batch_mismatch'));
ALTER TABLE bank_cases DROP CONSTRAINT bank_cases_decision;
ALTER TABLE bank_cases ADD CONSTRAINT bank_cases_decision CHECK (decision IN ('order', 'fees', 'keep', 'refund', 'return', 'top_up', 'debt', 'pair',
    'noted', 'completed', 'batch'));
