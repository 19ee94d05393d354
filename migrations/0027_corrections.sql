-- +goose Up

-- redemption: a redemption that a decision has corrected is undone, whatever was paid for it.
-- A payout still pays what was redeemed in its window; adjustments take out of it what a
-- correction took.
ALTER TABLE redemptions
    ADD COLUMN corrected boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT redemptions_corrected CHECK (NOT corrected OR undone_at IS NOT NULL);

-- issuing: the value of a voucher that was wrongly taken may be the campaign's again.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION voucher_moves() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    IF (OLD.state, NEW.state) NOT IN (
        ('reserved', 'live'), ('reserved', 'returned'),
        ('live', 'redeemed'), ('live', 'frozen'), ('live', 'replaced'), ('live', 'expired'), ('live', 'returned'),
        ('frozen', 'live'), ('frozen', 'replaced'), ('frozen', 'expired'),
        ('redeemed', 'live'), ('redeemed', 'returned')) THEN
        RAISE EXCEPTION 'a voucher cannot go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'voucher_moves';
    END IF;
    RETURN NEW;
END $function$;
-- +goose StatementEnd

ALTER TABLE transfers DROP CONSTRAINT transfers_event;
ALTER TABLE transfers ADD CONSTRAINT transfers_event CHECK (event IN (
    'receipt', 'attribution', 'unexpected_debit', 'handover', 'redemption', 'undo', 'expiry', 'settlement', 'payout_booked',
    'payout_returned', 'fees_invoiced', 'fees_paid', 'operating_line', 'payment_returned', 'topped_up', 'card_paid', 'card_cost',
    'card_fees', 'card_counted', 'card_banked', 'stripe_payout', 'card_refunded', 'disputed', 'dispute_won', 'debt_secured',
    'debt_released', 'debt_paid', 'debt_forgiven', 'campaign_closed', 'rolled_over', 'refund_ordered', 'refund_booked', 'refund_returned',
    'claim_ordered', 'claim_booked', 'claim_returned', 'claim_arrived', 'fees_back_ordered', 'fees_back_returned', 'payout_rejected',
    'refund_rejected', 'claim_rejected', 'fees_back_rejected',
    'withheld', 'released', 'given_back', 'clawed_back', 'debt_netted', 'debt_repaid', 'structure_forgiven')) NOT VALID;
ALTER TABLE transfers VALIDATE CONSTRAINT transfers_event;

-- settlement: redemptions that were corrected after the structure could undo them. What was
-- paid already is the structure's debt.
CREATE TABLE corrections (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT corrections_pkey PRIMARY KEY,
    redemption_id bigint NOT NULL CONSTRAINT corrections_once UNIQUE,
    structure_id  bigint NOT NULL CONSTRAINT corrections_structure REFERENCES organisations,
    campaign_id   bigint NOT NULL CONSTRAINT corrections_campaign REFERENCES campaigns,
    amount_cents  bigint NOT NULL CONSTRAINT corrections_amount CHECK (amount_cents > 0),
    outcome       text NOT NULL CONSTRAINT corrections_outcome CHECK (outcome IN ('live', 'funds', 'debt')),
    reason        text NOT NULL,
    made_at       timestamptz NOT NULL,
    made_by       bigint NOT NULL CONSTRAINT corrections_made_by REFERENCES people
);
CREATE INDEX corrections_debts ON corrections (structure_id, id) WHERE outcome = 'debt';

-- What changes what a structure is owed, beside its redemptions: each is in one payout.
CREATE TABLE adjustments (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT adjustments_pkey PRIMARY KEY,
    structure_id  bigint NOT NULL CONSTRAINT adjustments_structure REFERENCES organisations,
    campaign_id   bigint NOT NULL CONSTRAINT adjustments_campaign REFERENCES campaigns,
    kind          text NOT NULL CONSTRAINT adjustments_kind CHECK (kind IN ('withheld', 'released', 'netted')),
    amount_cents  bigint NOT NULL,
    redemption_id bigint, -- withheld or released
    debt_id       bigint CONSTRAINT adjustments_debt REFERENCES corrections, -- netted
    made_at       timestamptz NOT NULL,
    made_by       bigint CONSTRAINT adjustments_made_by REFERENCES people, -- NULL: a holder, or the bank by what it gave back
    payout_id     bigint CONSTRAINT adjustments_payout REFERENCES payouts,
    CONSTRAINT adjustments_amount CHECK (CASE kind WHEN 'released' THEN amount_cents > 0 ELSE amount_cents < 0 END),
    CONSTRAINT adjustments_of_one CHECK ((kind = 'netted') = (debt_id IS NOT NULL) AND (kind = 'netted') = (redemption_id IS NULL))
);
CREATE INDEX adjustments_waiting ON adjustments (structure_id) WHERE payout_id IS NULL;
CREATE INDEX adjustments_by_payout ON adjustments (payout_id) WHERE payout_id IS NOT NULL;
CREATE INDEX adjustments_by_redemption ON adjustments (redemption_id) WHERE redemption_id IS NOT NULL;
CREATE INDEX adjustments_by_debt ON adjustments (debt_id) WHERE debt_id IS NOT NULL;

-- What one person wants and another decides: that a paid redemption be clawed back, or that a
-- structure's debt be forgiven.
CREATE TABLE correction_requests (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT correction_requests_pkey PRIMARY KEY,
    kind          text NOT NULL CONSTRAINT correction_requests_kind CHECK (kind IN ('clawback', 'forgiveness')),
    redemption_id bigint, -- clawback
    debt_id       bigint CONSTRAINT correction_requests_debt REFERENCES corrections, -- forgiveness
    structure_id  bigint NOT NULL CONSTRAINT correction_requests_structure REFERENCES organisations,
    amount_cents  bigint NOT NULL CONSTRAINT correction_requests_amount CHECK (amount_cents > 0),
    reason        text NOT NULL,
    state         text NOT NULL CONSTRAINT correction_requests_state CHECK (state IN ('requested', 'approved', 'refused')),
    requested_at  timestamptz NOT NULL,
    requested_by  bigint NOT NULL CONSTRAINT correction_requests_requested_by REFERENCES people,
    decided_at    timestamptz,
    decided_by    bigint CONSTRAINT correction_requests_decided_by REFERENCES people,
    CONSTRAINT correction_requests_of_one CHECK ((kind = 'clawback') = (redemption_id IS NOT NULL) AND (kind = 'forgiveness') = (debt_id IS NOT NULL)),
    CONSTRAINT correction_requests_decided CHECK ((state = 'requested') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)),
    CONSTRAINT correction_requests_two_people CHECK (state <> 'approved' OR decided_by <> requested_by)
);
CREATE UNIQUE INDEX correction_requests_one_open ON correction_requests (redemption_id, debt_id) NULLS NOT DISTINCT WHERE state = 'requested';
CREATE INDEX correction_requests_by_debt ON correction_requests (debt_id) WHERE debt_id IS NOT NULL;

-- What asks a structure to pay its debts, and what it has paid. Numbers run without a gap.
CREATE TABLE debt_note_numbers (
    year integer NOT NULL CONSTRAINT debt_note_numbers_pkey PRIMARY KEY,
    last integer NOT NULL CONSTRAINT debt_note_numbers_last CHECK (last > 0)
);
CREATE TABLE debt_notes (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT debt_notes_pkey PRIMARY KEY,
    year         integer NOT NULL,
    seq          integer NOT NULL CONSTRAINT debt_notes_seq CHECK (seq > 0),
    structure_id bigint NOT NULL CONSTRAINT debt_notes_structure REFERENCES organisations,
    reference    text NOT NULL CONSTRAINT debt_notes_reference UNIQUE, -- ISO 11649
    amount_cents bigint NOT NULL CONSTRAINT debt_notes_amount CHECK (amount_cents > 0),
    issued_at    timestamptz NOT NULL,
    due_on       date NOT NULL,
    CONSTRAINT debt_notes_sequence UNIQUE (year, seq)
);
CREATE INDEX debt_notes_by_structure ON debt_notes (structure_id, id);
CREATE TABLE debt_note_lines (
    note_id      bigint NOT NULL CONSTRAINT debt_note_lines_note REFERENCES debt_notes,
    debt_id      bigint NOT NULL CONSTRAINT debt_note_lines_debt REFERENCES corrections,
    amount_cents bigint NOT NULL CONSTRAINT debt_note_lines_amount CHECK (amount_cents > 0),
    CONSTRAINT debt_note_lines_pkey PRIMARY KEY (note_id, debt_id)
);
CREATE INDEX debt_note_lines_by_debt ON debt_note_lines (debt_id);
CREATE TABLE debt_repayments (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT debt_repayments_pkey PRIMARY KEY,
    debt_id      bigint NOT NULL CONSTRAINT debt_repayments_debt REFERENCES corrections,
    note_id      bigint CONSTRAINT debt_repayments_note REFERENCES debt_notes, -- the structure pays
    request_id   bigint CONSTRAINT debt_repayments_request REFERENCES correction_requests, -- the operator makes good what it forgave
    line_id      bigint NOT NULL,
    amount_cents bigint NOT NULL CONSTRAINT debt_repayments_amount CHECK (amount_cents > 0),
    paid_at      timestamptz NOT NULL,
    CONSTRAINT debt_repayments_by_one CHECK (num_nonnulls(note_id, request_id) = 1),
    CONSTRAINT debt_repayments_once UNIQUE (debt_id, line_id)
);
CREATE INDEX debt_repayments_by_line ON debt_repayments (line_id);

-- statements: a line may repay a structure's debt.
ALTER TABLE statement_lines DROP CONSTRAINT statement_lines_outcome;
ALTER TABLE statement_lines ADD CONSTRAINT statement_lines_outcome CHECK (outcome IN (
    'order_funded', 'unattributed', 'payout_booked', 'payout_returned', 'unexpected_debit', 'payment_returned', 'topped_up', 'fees_paid',
    'card_banked', 'stripe_payout', 'refund_booked', 'refund_returned', 'claim_booked', 'claim_returned', 'claim_arrived', 'fees_back_booked',
    'fees_back_returned', 'debt_paid', 'operating_other', 'debt_repaid')) NOT VALID;
ALTER TABLE statement_lines VALIDATE CONSTRAINT statement_lines_outcome;

-- complaints: what anybody concerned says is wrong with one redemption. Who has no account
-- may leave an address, which is forgotten in time.
CREATE TABLE complaints (
    id              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT complaints_pkey PRIMARY KEY,
    redemption_id   bigint NOT NULL,
    structure_id    bigint NOT NULL CONSTRAINT complaints_structure REFERENCES organisations,
    campaign_id     bigint NOT NULL CONSTRAINT complaints_campaign REFERENCES campaigns,
    opened_as       text NOT NULL CONSTRAINT complaints_opened_as CHECK (opened_as IN ('holder', 'structure', 'funder', 'prescriber', 'operator')),
    organisation_id bigint CONSTRAINT complaints_organisation REFERENCES organisations, -- NULL: the holder
    opened_by       bigint CONSTRAINT complaints_opened_by REFERENCES people,
    opened_at       timestamptz NOT NULL,
    cause           text NOT NULL CONSTRAINT complaints_cause CHECK (cause IN ('not_mine', 'too_many', 'not_given', 'mistake', 'other')),
    words           text NOT NULL CONSTRAINT complaints_words CHECK (length(words) <= 2000),
    email           text NOT NULL DEFAULT '',
    phone           text NOT NULL DEFAULT '',
    answer_by       date NOT NULL,
    answer          text NOT NULL DEFAULT '' CONSTRAINT complaints_answer CHECK (length(answer) <= 2000),
    answered_at     timestamptz,
    answered_by     bigint CONSTRAINT complaints_answered_by REFERENCES people,
    state           text NOT NULL CONSTRAINT complaints_state CHECK (state IN ('open', 'withdrawn', 'upheld', 'dismissed')),
    reason          text NOT NULL DEFAULT '',
    ended_at        timestamptz,
    decided_by      bigint CONSTRAINT complaints_decided_by REFERENCES people,
    correction_id   bigint CONSTRAINT complaints_correction REFERENCES corrections,
    CONSTRAINT complaints_opener CHECK ((opened_as = 'holder') = (organisation_id IS NULL) AND (organisation_id IS NULL) = (opened_by IS NULL)),
    CONSTRAINT complaints_contact CHECK (opened_as = 'holder' OR email = '' AND phone = ''),
    CONSTRAINT complaints_answered CHECK ((answered_at IS NULL) = (answered_by IS NULL)),
    CONSTRAINT complaints_ended CHECK ((state = 'open') = (ended_at IS NULL) AND (state IN ('upheld', 'dismissed')) = (decided_by IS NOT NULL)),
    CONSTRAINT complaints_corrected CHECK ((state = 'upheld') = (correction_id IS NOT NULL)),
    CONSTRAINT complaints_decided_by_another CHECK (decided_by <> opened_by)
);
CREATE UNIQUE INDEX complaints_one_open ON complaints (redemption_id) WHERE state = 'open';
CREATE INDEX complaints_by_redemption ON complaints (redemption_id);
CREATE INDEX complaints_by_structure ON complaints (structure_id, id);
CREATE INDEX complaints_by_campaign ON complaints (campaign_id, id);
CREATE INDEX complaints_with_contact ON complaints (ended_at) WHERE email <> '' OR phone <> '';
CREATE TABLE complaint_proofs (
    file_id      bigint CONSTRAINT complaint_proofs_pkey PRIMARY KEY CONSTRAINT complaint_proofs_file REFERENCES files,
    complaint_id bigint NOT NULL CONSTRAINT complaint_proofs_complaint REFERENCES complaints
);
CREATE INDEX complaint_proofs_by_complaint ON complaint_proofs (complaint_id);

-- files: whoever holds a booklet has no account, and may send a proof too.
ALTER TABLE files
    ALTER COLUMN organisation_id DROP NOT NULL,
    ALTER COLUMN sent_by DROP NOT NULL,
    ADD CONSTRAINT files_sender CHECK ((organisation_id IS NULL) = (sent_by IS NULL));
