-- +goose Up

-- connect: structures' own accounts at Stripe, through which they may choose to be paid. An
-- account is asked for by the structure, approved by somebody else, and paid to from in_force_at
-- on, as long as Stripe says that it is ready; it ends when either side says so.
CREATE TABLE connect_accounts (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT connect_accounts_pkey PRIMARY KEY,
    structure_id bigint NOT NULL CONSTRAINT connect_accounts_structure REFERENCES organisations,
    account      text CONSTRAINT connect_accounts_account CHECK (account ~ '^acct_[A-Za-z0-9_]+$'), -- Stripe's id; NULL as long as Stripe has not answered
    submitted    boolean NOT NULL DEFAULT false,  -- Stripe has asked its questions
    ready        boolean NOT NULL DEFAULT false,  -- Stripe pays
    problem      text NOT NULL DEFAULT '',        -- Stripe's code of why it does not
    last4        text NOT NULL DEFAULT '',        -- of the bank account that Stripe pays to
    created_at   timestamptz NOT NULL,
    created_by   bigint NOT NULL CONSTRAINT connect_accounts_created_by REFERENCES people,
    approved_at  timestamptz,
    approved_by  bigint CONSTRAINT connect_accounts_approved_by REFERENCES people,
    in_force_at  timestamptz,
    ended_at     timestamptz,
    ended_by     bigint CONSTRAINT connect_accounts_ended_by REFERENCES people,
    end_reason   text NOT NULL DEFAULT '',
    CONSTRAINT connect_accounts_approved CHECK ((approved_at IS NULL) = (approved_by IS NULL) AND (approved_at IS NULL) = (in_force_at IS NULL)),
    CONSTRAINT connect_accounts_two_people CHECK (approved_by <> created_by),
    CONSTRAINT connect_accounts_cooled CHECK (in_force_at >= created_at + interval '72 hours'),
    CONSTRAINT connect_accounts_made CHECK (approved_at IS NULL OR account IS NOT NULL)
);
CREATE UNIQUE INDEX connect_accounts_one ON connect_accounts (structure_id) WHERE ended_at IS NULL;
CREATE INDEX connect_accounts_by_account ON connect_accounts (account);

-- settlement: a payout goes through Stripe where it names an account there. Its IBAN is kept all
-- the same. The money of all such payouts of a settlement leaves the bank in one transfer.
ALTER TABLE payouts ADD COLUMN connected text NOT NULL DEFAULT '';
CREATE TABLE settlement_topups (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT settlement_topups_pkey PRIMARY KEY,
    settlement_id bigint NOT NULL CONSTRAINT settlement_topups_settlement REFERENCES settlements,
    file_number   integer NOT NULL,
    amount_cents  bigint NOT NULL CONSTRAINT settlement_topups_amount CHECK (amount_cents > 0),
    end_to_end    text NOT NULL CONSTRAINT settlement_topups_end_to_end UNIQUE,
    holder        text NOT NULL,
    iban          text NOT NULL,
    bic           text NOT NULL,
    town          text NOT NULL,
    country       text NOT NULL,
    reference     text NOT NULL, -- what Stripe wants quoted
    state         text NOT NULL CONSTRAINT settlement_topups_state CHECK (state IN ('in_transit', 'booked', 'returned', 'rejected')),
    booked_on     date,
    batch_line    bigint, -- the file's one debit that booked it; NULL: one of its own
    topup         text CONSTRAINT settlement_topups_topup UNIQUE, -- Stripe's id of the money that arrived
    CONSTRAINT settlement_topups_batch_line CHECK (batch_line IS NULL OR state IN ('booked', 'returned')),
    CONSTRAINT settlement_topups_one UNIQUE (settlement_id)
);

-- connect: how a payout is getting on at Stripe, once its money is there.
CREATE TABLE connect_transfers (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT connect_transfers_pkey PRIMARY KEY,
    payout_id  bigint NOT NULL CONSTRAINT connect_transfers_of_payout REFERENCES payouts,
    attempt    integer NOT NULL DEFAULT 1,
    state      text NOT NULL CONSTRAINT connect_transfers_state
        CHECK (state IN ('waiting', 'asked', 'transferred', 'leaving', 'paid', 'reversing', 'back')),
    transfer   text CONSTRAINT connect_transfers_transfer UNIQUE, -- Stripe's id: from our balance to the structure's
    payout     text CONSTRAINT connect_transfers_payout UNIQUE,   -- and from there to its bank
    problem    text NOT NULL DEFAULT '',                          -- Stripe's code of the last no
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT connect_transfers_once UNIQUE (payout_id)
);
CREATE INDEX connect_transfers_open ON connect_transfers (changed_at);

-- payments: what came back at Stripe goes home to the segregated account.
ALTER TABLE stripe_payouts
    ADD COLUMN back_of bigint CONSTRAINT stripe_payouts_back_of REFERENCES payouts,
    ADD CONSTRAINT stripe_payouts_back_once UNIQUE (back_of),
    ADD CONSTRAINT stripe_payouts_one_purpose CHECK (checkout_id IS NULL OR back_of IS NULL);

ALTER TABLE statement_lines DROP CONSTRAINT statement_lines_outcome;
ALTER TABLE statement_lines ADD CONSTRAINT statement_lines_outcome CHECK (outcome IN (
    'order_funded', 'unattributed', 'payout_booked', 'payout_returned', 'unexpected_debit', 'payment_returned', 'topped_up', 'fees_paid', 'card_banked',
    'stripe_payout', 'refund_booked', 'refund_returned', 'claim_booked', 'claim_returned', 'claim_arrived', 'fees_back_booked', 'fees_back_returned',
    'debt_paid', 'operating_other', 'debt_repaid', 'batch_booked', 'payouts_funded', 'payouts_unfunded', 'payouts_home')) NOT VALID;
ALTER TABLE statement_lines VALIDATE CONSTRAINT statement_lines_outcome;
ALTER TABLE transfers DROP CONSTRAINT transfers_event;
ALTER TABLE transfers ADD CONSTRAINT transfers_event CHECK (event IN (
    'receipt', 'attribution', 'unexpected_debit', 'handover', 'redemption', 'undo', 'expiry', 'settlement', 'payout_booked', 'payout_returned',
    'fees_invoiced', 'fees_paid', 'operating_line', 'payment_returned', 'topped_up', 'card_paid', 'card_cost', 'card_fees', 'card_counted', 'card_banked',
    'stripe_payout', 'card_refunded', 'disputed', 'dispute_won', 'debt_secured', 'debt_released', 'debt_paid', 'debt_forgiven', 'campaign_closed',
    'rolled_over', 'refund_ordered', 'refund_booked', 'refund_returned', 'claim_ordered', 'claim_booked', 'claim_returned', 'claim_arrived',
    'fees_back_ordered', 'fees_back_returned', 'payout_rejected', 'refund_rejected', 'claim_rejected', 'fees_back_rejected', 'withheld', 'released',
    'given_back', 'clawed_back', 'debt_netted', 'debt_repaid', 'structure_forgiven', 'payouts_funded', 'payouts_unfunded', 'payouts_home',
    'connect_paid', 'connect_returned')) NOT VALID;
ALTER TABLE transfers VALIDATE CONSTRAINT transfers_event;
