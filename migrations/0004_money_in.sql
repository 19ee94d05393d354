-- +goose Up

-- Money in: more events, several ways to pay an order, several funders of a campaign,
-- invoices and credit notes.

ALTER TABLE transfers DROP CONSTRAINT transfers_event;
ALTER TABLE transfers ADD CONSTRAINT transfers_event CHECK (event IN (
    'receipt', 'attribution', 'unexpected_debit', 'handover', 'redemption', 'undo', 'expiry',
    'settlement', 'payout_booked', 'payout_returned',
    'fees_invoiced', 'fees_paid', 'operating_line', 'payment_returned', 'topped_up',
    'card_paid', 'card_cost', 'card_fees', 'card_counted', 'card_banked', 'stripe_payout', 'card_refunded',
    'disputed', 'dispute_won', 'debt_secured', 'debt_released', 'debt_paid', 'debt_forgiven',
    'campaign_closed', 'rolled_over', 'refund_ordered', 'refund_booked', 'refund_returned',
    'claim_ordered', 'claim_booked', 'claim_returned', 'claim_arrived', 'fees_back_ordered', 'fees_back_returned'))
    NOT VALID;
ALTER TABLE transfers VALIDATE CONSTRAINT transfers_event;

-- A receipt is what one payment brought to one order: a bank line, a payment through
-- Stripe, or the funder's credit of another campaign. debt_cents repaid what the bank had
-- taken back, claim_cents what Stripe had: that part is the operator's.
ALTER TABLE receipts DROP CONSTRAINT receipts_pkey;
ALTER TABLE receipts
    ALTER COLUMN line_id DROP NOT NULL,
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT receipts_pkey PRIMARY KEY,
    ADD COLUMN checkout_id bigint CONSTRAINT receipts_checkout UNIQUE,
    ADD COLUMN rollover_id bigint CONSTRAINT receipts_rollover UNIQUE,
    ADD COLUMN debt_cents bigint NOT NULL DEFAULT 0 CONSTRAINT receipts_debt CHECK (debt_cents >= 0),
    ADD COLUMN claim_cents bigint NOT NULL DEFAULT 0 CONSTRAINT receipts_claim CHECK (claim_cents >= 0),
    ADD CONSTRAINT receipts_line UNIQUE (line_id),
    ADD CONSTRAINT receipts_source CHECK (num_nonnulls(line_id, checkout_id, rollover_id) = 1);

-- What was taken out of an order again: a payment that the bank returned (line_id), a card
-- refund (card_refund_id) or a payment that Stripe took back (dispute_id). funds_cents left
-- the campaign's funds; debt_cents had become live and is the funder's debt.
CREATE TABLE takebacks (
    id             bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT takebacks_pkey PRIMARY KEY,
    order_id       bigint NOT NULL CONSTRAINT takebacks_order REFERENCES orders,
    line_id        bigint CONSTRAINT takebacks_line UNIQUE,
    card_refund_id bigint CONSTRAINT takebacks_card_refund UNIQUE,
    dispute_id     bigint CONSTRAINT takebacks_dispute UNIQUE,
    funds_cents    bigint NOT NULL CONSTRAINT takebacks_funds CHECK (funds_cents >= 0),
    debt_cents     bigint NOT NULL CONSTRAINT takebacks_debt CHECK (debt_cents >= 0),
    topped_up_cents bigint NOT NULL DEFAULT 0, -- of the debt, what the operator has put back: it is owed to the operator
    taken_at       timestamptz NOT NULL,
    undone_at      timestamptz, -- a dispute that was won
    CONSTRAINT takebacks_topped_up CHECK (topped_up_cents BETWEEN 0 AND debt_cents),
    CONSTRAINT takebacks_source CHECK (num_nonnulls(line_id, card_refund_id, dispute_id) = 1)
);
CREATE INDEX takebacks_by_order ON takebacks (order_id);

-- campaigns: who pays for what was used. No row: the campaign's own funder pays all.
-- percent is of the value used, in basis points; a ceiling bounds what its funder pays;
-- the rest falls on the one whose kind is rest.
CREATE TABLE campaign_shares (
    campaign_id   bigint NOT NULL CONSTRAINT campaign_shares_campaign REFERENCES campaigns,
    funder_id     bigint NOT NULL CONSTRAINT campaign_shares_funder REFERENCES organisations,
    kind          text NOT NULL CONSTRAINT campaign_shares_kind CHECK (kind IN ('percent', 'rest')),
    percent_bp    integer NOT NULL CONSTRAINT campaign_shares_percent CHECK (percent_bp BETWEEN 0 AND 10000),
    ceiling_cents bigint CONSTRAINT campaign_shares_ceiling CHECK (ceiling_cents > 0),
    agreed_at     timestamptz NOT NULL,
    agreed_by     bigint NOT NULL CONSTRAINT campaign_shares_agreed_by REFERENCES people,
    CONSTRAINT campaign_shares_pkey PRIMARY KEY (campaign_id, funder_id),
    CONSTRAINT campaign_shares_rest CHECK ((kind = 'rest') = (percent_bp = 0))
);
CREATE UNIQUE INDEX campaign_shares_one_rest ON campaign_shares (campaign_id) WHERE kind = 'rest';
CREATE INDEX campaign_shares_by_funder ON campaign_shares (funder_id);

-- invoicing: invoices and credit notes. Numbers have no gap within a series and a year;
-- a row is never changed.

CREATE TABLE invoice_numbers (
    series text NOT NULL CONSTRAINT invoice_numbers_series CHECK (series IN ('F', 'A')), -- facture, avoir
    year   integer NOT NULL,
    last   integer NOT NULL CONSTRAINT invoice_numbers_last CHECK (last > 0),
    CONSTRAINT invoice_numbers_pkey PRIMARY KEY (series, year)
);

-- What is for the funder's accountant is kept as it was on the day: seller, buyer and
-- lines are snapshots, xml is the file itself. reference is what a transfer must carry.
-- order_id names the order; corrects is set on a credit note.
CREATE TABLE invoices (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT invoices_pkey PRIMARY KEY,
    series       text NOT NULL,
    year         integer NOT NULL,
    seq          integer NOT NULL CONSTRAINT invoices_seq CHECK (seq > 0),
    number       text NOT NULL CONSTRAINT invoices_number UNIQUE,
    kind         text NOT NULL CONSTRAINT invoices_kind CHECK (kind IN ('face', 'fees')),
    corrects     bigint CONSTRAINT invoices_corrects REFERENCES invoices,
    order_id     bigint NOT NULL CONSTRAINT invoices_order REFERENCES orders,
    campaign_id  bigint NOT NULL CONSTRAINT invoices_campaign REFERENCES campaigns,
    funder_id    bigint NOT NULL CONSTRAINT invoices_funder REFERENCES organisations,
    issued_at    timestamptz NOT NULL,
    issued_on    date NOT NULL,
    due_on       date NOT NULL,
    net_cents    bigint NOT NULL CONSTRAINT invoices_net CHECK (net_cents > 0),
    vat_bp       integer NOT NULL CONSTRAINT invoices_vat_rate CHECK (vat_bp BETWEEN 0 AND 10000),
    vat_cents    bigint NOT NULL CONSTRAINT invoices_vat CHECK (vat_cents >= 0),
    reference    text NOT NULL,
    engagement   text NOT NULL,
    service_code text NOT NULL,
    snapshot     jsonb NOT NULL,
    xml          text NOT NULL,
    CONSTRAINT invoices_sequence UNIQUE (series, year, seq),
    CONSTRAINT invoices_series CHECK ((series = 'A') = (corrects IS NOT NULL)),
    CONSTRAINT invoices_outside_vat CHECK (kind = 'fees' OR vat_bp = 0 AND vat_cents = 0)
);
CREATE UNIQUE INDEX invoices_one_of_a_kind ON invoices (order_id, kind) WHERE corrects IS NULL;
CREATE UNIQUE INDEX invoices_reference ON invoices (reference) WHERE corrects IS NULL;
CREATE INDEX invoices_by_funder ON invoices (funder_id, id);
CREATE INDEX invoices_by_correction ON invoices (corrects) WHERE corrects IS NOT NULL;
CREATE TRIGGER invoices_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON invoices
    FOR EACH STATEMENT EXECUTE FUNCTION only_ever_added();

-- What paid an invoice of fees: a line of the operating account, or a payment through
-- Stripe. (Face value is paid to orders: receipts.)
CREATE TABLE fee_receipts (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT fee_receipts_pkey PRIMARY KEY,
    invoice_id   bigint NOT NULL CONSTRAINT fee_receipts_invoice REFERENCES invoices,
    line_id      bigint CONSTRAINT fee_receipts_line UNIQUE,
    checkout_id  bigint CONSTRAINT fee_receipts_checkout UNIQUE,
    amount_cents bigint NOT NULL CONSTRAINT fee_receipts_amount CHECK (amount_cents > 0),
    received_at  timestamptz NOT NULL,
    CONSTRAINT fee_receipts_source CHECK (num_nonnulls(line_id, checkout_id) = 1)
);
CREATE INDEX fee_receipts_by_invoice ON fee_receipts (invoice_id);

-- What became of an invoice on Chorus Pro, the State's portal: the latest row counts.
CREATE TABLE chorus_deposits (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT chorus_deposits_pkey PRIMARY KEY,
    invoice_id bigint NOT NULL CONSTRAINT chorus_deposits_invoice REFERENCES invoices,
    status     text NOT NULL CONSTRAINT chorus_deposits_status CHECK (status IN ('deposited', 'received', 'accepted', 'rejected', 'paid')),
    note       text NOT NULL,
    at         timestamptz NOT NULL,
    by         bigint NOT NULL CONSTRAINT chorus_deposits_by REFERENCES people
);
CREATE INDEX chorus_deposits_by_invoice ON chorus_deposits (invoice_id, id);

-- What a campaign did not use is its funders' again. Money that arrives later is theirs at
-- once.
ALTER TABLE campaigns ADD COLUMN closed_at timestamptz;

-- statements: lines of the operating account are read too.
ALTER TABLE statements ADD COLUMN account text NOT NULL DEFAULT 'segregated'
    CONSTRAINT statements_account CHECK (account IN ('segregated', 'operating'));
ALTER TABLE statement_lines DROP CONSTRAINT statement_lines_outcome;
ALTER TABLE statement_lines ADD CONSTRAINT statement_lines_outcome CHECK (outcome IN (
    'order_funded', 'unattributed', 'payout_booked', 'payout_returned', 'unexpected_debit',
    'payment_returned', 'topped_up', 'fees_paid', 'card_banked', 'stripe_payout', 'refund_booked', 'refund_returned',
    'claim_booked', 'claim_returned', 'claim_arrived', 'fees_back_booked', 'fees_back_returned', 'debt_paid', 'operating_other'));
ALTER TABLE statement_lines DROP CONSTRAINT statement_lines_explained;
ALTER TABLE statement_lines ADD CONSTRAINT statement_lines_explained
    CHECK ((cause IS NULL) = (outcome IN ('unattributed', 'unexpected_debit', 'operating_other')));
