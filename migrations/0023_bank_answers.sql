-- +goose Up

-- settlement, closing: what the bank refuses never leaves: nothing was debited, and no line
-- of a statement shows it. A rejected payout is paid again, as one that came back is.
ALTER TABLE payouts
    ADD COLUMN rejected_at timestamptz,
    DROP CONSTRAINT payouts_state,
    ADD CONSTRAINT payouts_state CHECK (state IN ('in_transit', 'booked', 'returned', 'rejected')),
    ADD CONSTRAINT payouts_rejected CHECK ((state = 'rejected') = (rejected_at IS NOT NULL));
DROP INDEX payouts_to_reissue;
CREATE INDEX payouts_to_reissue ON payouts (structure_id) WHERE state IN ('returned', 'rejected') AND reissued_in IS NULL;
ALTER TABLE refunds
    DROP CONSTRAINT refunds_state,
    ADD CONSTRAINT refunds_state CHECK (state IN ('proposed', 'ordered', 'booked', 'returned', 'rejected')),
    DROP CONSTRAINT refunds_booked,
    ADD CONSTRAINT refunds_booked CHECK ((state IN ('booked', 'returned')) = (booked_on IS NOT NULL)
        AND (state IN ('returned', 'rejected')) = (return_reason IS NOT NULL));
ALTER TABLE transfers DROP CONSTRAINT transfers_event;
ALTER TABLE transfers ADD CONSTRAINT transfers_event CHECK (event IN (
    'receipt', 'attribution', 'unexpected_debit', 'handover', 'redemption', 'undo', 'expiry', 'settlement', 'payout_booked',
    'payout_returned', 'fees_invoiced', 'fees_paid', 'operating_line', 'payment_returned', 'topped_up', 'card_paid', 'card_cost',
    'card_fees', 'card_counted', 'card_banked', 'stripe_payout', 'card_refunded', 'disputed', 'dispute_won', 'debt_secured',
    'debt_released', 'debt_paid', 'debt_forgiven', 'campaign_closed', 'rolled_over', 'refund_ordered', 'refund_booked', 'refund_returned',
    'claim_ordered', 'claim_booked', 'claim_returned', 'claim_arrived', 'fees_back_ordered', 'fees_back_returned', 'payout_rejected',
    'refund_rejected', 'claim_rejected', 'fees_back_rejected')) NOT VALID;
ALTER TABLE transfers VALIDATE CONSTRAINT transfers_event;

-- answers: what the bank said of the files that we sent it (pain.002), and what that did to
-- each transfer.
CREATE TABLE bank_answers (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT bank_answers_pkey PRIMARY KEY,
    sha256       bytea NOT NULL CONSTRAINT bank_answers_sha256 UNIQUE,
    reference    text NOT NULL, -- the bank's
    message_id   text NOT NULL, -- of our file
    status       text NOT NULL, -- of the whole, '' where the bank does not say
    reason       text NOT NULL,
    answered_at  timestamptz,
    imported_at  timestamptz NOT NULL,
    imported_by  bigint NOT NULL CONSTRAINT bank_answers_imported_by REFERENCES people
);
CREATE TABLE bank_answer_lines (
    answer_id    bigint NOT NULL CONSTRAINT bank_answer_lines_answer REFERENCES bank_answers,
    end_to_end   text NOT NULL,
    payee        text NOT NULL,
    amount_cents bigint NOT NULL CONSTRAINT bank_answer_lines_amount CHECK (amount_cents > 0),
    status       text NOT NULL,
    reason       text NOT NULL,
    effect       text NOT NULL CONSTRAINT bank_answer_lines_effect
        CHECK (effect IN ('accepted', 'waiting', 'rejected', 'rejected_before', 'contradicted')),
    CONSTRAINT bank_answer_lines_pkey PRIMARY KEY (answer_id, end_to_end)
);
