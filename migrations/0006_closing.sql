-- +goose Up

-- closing: the end of a campaign, and what is its funders' again.

-- A funder's signed decision: booklets are good for longer. The counts are what it was
-- shown.
CREATE TABLE campaign_extensions (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT campaign_extensions_pkey PRIMARY KEY,
    campaign_id bigint NOT NULL CONSTRAINT campaign_extensions_campaign REFERENCES campaigns,
    from_on     date NOT NULL, -- the end until then
    until_on    date NOT NULL,
    booklets    integer NOT NULL,
    vouchers    integer NOT NULL,
    value_cents bigint NOT NULL,
    signed_name text NOT NULL,
    decided_at  timestamptz NOT NULL,
    decided_by  bigint NOT NULL CONSTRAINT campaign_extensions_decided_by REFERENCES people,
    CONSTRAINT campaign_extensions_later CHECK (until_on > from_on)
);
CREATE INDEX campaign_extensions_by_campaign ON campaign_extensions (campaign_id, id);

-- A campaign is closed once. Money that comes back into its funds afterwards (a dispute
-- that was won) is shared out by another row.
CREATE TABLE closings (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT closings_pkey PRIMARY KEY,
    campaign_id  bigint NOT NULL CONSTRAINT closings_campaign REFERENCES campaigns,
    used_cents   bigint NOT NULL CONSTRAINT closings_used CHECK (used_cents >= 0), -- in the whole campaign
    funds_cents  bigint NOT NULL CONSTRAINT closings_funds CHECK (funds_cents >= 0), -- never handed over
    unused_cents bigint NOT NULL CONSTRAINT closings_unused CHECK (unused_cents >= 0), -- handed over and expired
    closed_at    timestamptz NOT NULL,
    closed_by    bigint CONSTRAINT closings_closed_by REFERENCES people -- NULL: by itself
);
CREATE INDEX closings_by_campaign ON closings (campaign_id, id);

CREATE TABLE closing_parts (
    closing_id   bigint NOT NULL CONSTRAINT closing_parts_closing REFERENCES closings,
    funder_id    bigint NOT NULL CONSTRAINT closing_parts_funder REFERENCES organisations,
    paid_cents   bigint NOT NULL CONSTRAINT closing_parts_paid CHECK (paid_cents >= 0),
    used_cents   bigint NOT NULL CONSTRAINT closing_parts_used CHECK (used_cents BETWEEN 0 AND paid_cents),
    funds_cents  bigint NOT NULL CONSTRAINT closing_parts_funds CHECK (funds_cents >= 0),
    unused_cents bigint NOT NULL CONSTRAINT closing_parts_unused CHECK (unused_cents >= 0),
    CONSTRAINT closing_parts_pkey PRIMARY KEY (closing_id, funder_id)
);

-- What a funder wants done with the credit of a closed campaign. No row: it has not said.
CREATE TABLE credit_choices (
    campaign_id    bigint NOT NULL CONSTRAINT credit_choices_campaign REFERENCES campaigns,
    funder_id      bigint NOT NULL CONSTRAINT credit_choices_funder REFERENCES organisations,
    kind           text NOT NULL CONSTRAINT credit_choices_kind CHECK (kind IN ('refund', 'rollover', 'keep')),
    to_campaign_id bigint CONSTRAINT credit_choices_to REFERENCES campaigns,
    chosen_at      timestamptz NOT NULL,
    chosen_by      bigint NOT NULL CONSTRAINT credit_choices_chosen_by REFERENCES people,
    CONSTRAINT credit_choices_pkey PRIMARY KEY (campaign_id, funder_id),
    CONSTRAINT credit_choices_rollover CHECK ((kind = 'rollover') = (to_campaign_id IS NOT NULL) AND to_campaign_id <> campaign_id)
);

-- Credit of one campaign that has paid an order of another.
CREATE TABLE rollovers (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT rollovers_pkey PRIMARY KEY,
    campaign_id  bigint NOT NULL CONSTRAINT rollovers_campaign REFERENCES campaigns,
    funder_id    bigint NOT NULL CONSTRAINT rollovers_funder REFERENCES organisations,
    order_id     bigint NOT NULL CONSTRAINT rollovers_order REFERENCES orders,
    amount_cents bigint NOT NULL CONSTRAINT rollovers_amount CHECK (amount_cents > 0),
    made_at      timestamptz NOT NULL
);
CREATE INDEX rollovers_by_funder ON rollovers (funder_id, id);

-- Where a funder wants its money back. Nothing is sent before an operator's person has
-- checked the account, who is not the one that gave it.
CREATE TABLE funder_accounts (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT funder_accounts_pkey PRIMARY KEY,
    funder_id   bigint NOT NULL CONSTRAINT funder_accounts_funder REFERENCES organisations,
    iban        text NOT NULL CONSTRAINT funder_accounts_iban CHECK (iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'),
    bic         text NOT NULL,
    holder      text NOT NULL,
    given_at    timestamptz NOT NULL,
    given_by    bigint NOT NULL CONSTRAINT funder_accounts_given_by REFERENCES people,
    verified_at timestamptz,
    verified_by bigint CONSTRAINT funder_accounts_verified_by REFERENCES people,
    replaced_at timestamptz, -- by another, or because the bank sent money back
    CONSTRAINT funder_accounts_verified CHECK ((verified_at IS NULL) = (verified_by IS NULL)),
    CONSTRAINT funder_accounts_four_eyes CHECK (verified_by <> given_by)
);
CREATE UNIQUE INDEX funder_accounts_one_in_force ON funder_accounts (funder_id) WHERE replaced_at IS NULL;

-- Refunds that were approved together are ordered by one file. It is made from these rows
-- alone: payer and payees are kept as known then.
CREATE TABLE refund_files (
    id              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT refund_files_pkey PRIMARY KEY,
    account         text NOT NULL CONSTRAINT refund_files_account CHECK (account IN ('segregated', 'operating')),
    message_id      text NOT NULL CONSTRAINT refund_files_message UNIQUE,
    approved_at     timestamptz NOT NULL,
    approved_by     bigint NOT NULL CONSTRAINT refund_files_approved_by REFERENCES people,
    execution_on    date NOT NULL,
    refunds         integer NOT NULL,
    total_cents     bigint NOT NULL,
    file_sha256     bytea NOT NULL,
    debtor_name     text NOT NULL,
    debtor_iban     text NOT NULL,
    debtor_bic      text NOT NULL,
    debtor_street   text NOT NULL,
    debtor_postcode text NOT NULL,
    debtor_town     text NOT NULL
);

-- One transfer that gives money back. credit: a funder's credit, out of the segregated
-- account. fees_back: fees that were credited, out of the operating one. claim: what is
-- the operator's on the segregated account, to the operating one. A proposal that nobody
-- requested follows from the books and is made anew as they change.
CREATE TABLE refunds (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT refunds_pkey PRIMARY KEY,
    kind          text NOT NULL CONSTRAINT refunds_kind CHECK (kind IN ('credit', 'fees_back', 'claim')),
    funder_id     bigint CONSTRAINT refunds_funder REFERENCES organisations,
    amount_cents  bigint NOT NULL CONSTRAINT refunds_amount CHECK (amount_cents > 0),
    state         text NOT NULL CONSTRAINT refunds_state CHECK (state IN ('proposed', 'ordered', 'booked', 'returned')),
    account_id    bigint CONSTRAINT refunds_account REFERENCES funder_accounts, -- the funder's verified account,
    line_id       bigint CONSTRAINT refunds_line UNIQUE,                        -- or the payment that is given back to its payer
    iban          text NOT NULL,
    bic           text NOT NULL,
    holder        text NOT NULL,
    street        text NOT NULL,
    postcode      text NOT NULL,
    town          text NOT NULL,
    proposed_at   timestamptz NOT NULL,
    requested_by  bigint CONSTRAINT refunds_requested_by REFERENCES people, -- NULL: by itself
    file_id       bigint CONSTRAINT refunds_file REFERENCES refund_files,
    approved_by   bigint CONSTRAINT refunds_approved_by REFERENCES people,
    end_to_end    text CONSTRAINT refunds_end_to_end UNIQUE,
    booked_on     date,
    arrived_on    date, -- of a claim: on the operating account
    return_reason text,
    CONSTRAINT refunds_payee CHECK ((kind = 'claim') = (funder_id IS NULL)),
    CONSTRAINT refunds_way CHECK (num_nonnulls(account_id, line_id) = CASE WHEN kind = 'claim' THEN 0 ELSE 1 END),
    CONSTRAINT refunds_four_eyes CHECK (approved_by <> requested_by),
    CONSTRAINT refunds_ordered CHECK ((state = 'proposed') = (file_id IS NULL) AND (file_id IS NULL) = (approved_by IS NULL)
        AND (file_id IS NULL) = (end_to_end IS NULL)),
    CONSTRAINT refunds_booked CHECK ((state IN ('booked', 'returned')) = (booked_on IS NOT NULL) AND (state = 'returned') = (return_reason IS NOT NULL))
);
CREATE INDEX refunds_by_file ON refunds (file_id);
CREATE INDEX refunds_by_funder ON refunds (funder_id, id);
CREATE INDEX refunds_waiting ON refunds (kind) WHERE state = 'proposed';

-- What each campaign gives to a refund. Fees belong to none: campaign 0.
CREATE TABLE refund_parts (
    refund_id    bigint NOT NULL CONSTRAINT refund_parts_refund REFERENCES refunds ON DELETE CASCADE,
    campaign_id  bigint NOT NULL,
    amount_cents bigint NOT NULL CONSTRAINT refund_parts_amount CHECK (amount_cents > 0),
    CONSTRAINT refund_parts_pkey PRIMARY KEY (refund_id, campaign_id)
);

-- What a claim made good when it arrived: the operator's advances (no funder), then debts.
CREATE TABLE claim_uses (
    refund_id    bigint NOT NULL CONSTRAINT claim_uses_refund REFERENCES refunds,
    line_id      bigint NOT NULL,
    funder_id    bigint CONSTRAINT claim_uses_funder REFERENCES organisations,
    amount_cents bigint NOT NULL CONSTRAINT claim_uses_amount CHECK (amount_cents > 0),
    CONSTRAINT claim_uses_once UNIQUE NULLS NOT DISTINCT (refund_id, funder_id)
);
