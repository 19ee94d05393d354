-- +goose Up

-- payments: money that comes through Stripe. A row comes first, Stripe is asked then: the
-- row's id is Stripe's idempotency key.

-- One attempt to pay an order online: what it lacked of face value, and its fees. state is
-- what Stripe says of the page; the moments after payment are when each thing came true.
CREATE TABLE checkouts (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT checkouts_pkey PRIMARY KEY,
    order_id      bigint NOT NULL CONSTRAINT checkouts_order REFERENCES orders,
    means         text NOT NULL CONSTRAINT checkouts_means CHECK (means IN ('card', 'sepa_debit', 'customer_balance')),
    face_cents    bigint NOT NULL CONSTRAINT checkouts_face CHECK (face_cents >= 0),
    fees_cents    bigint NOT NULL CONSTRAINT checkouts_fees CHECK (fees_cents >= 0),
    invoice_id    bigint CONSTRAINT checkouts_invoice REFERENCES invoices, -- of the fees
    customer      text NOT NULL DEFAULT '', -- Stripe's id of the funder, where the means needs one
    session       text CONSTRAINT checkouts_session UNIQUE, -- Stripe's id of the page; NULL: not known to exist
    url           text NOT NULL DEFAULT '', -- where to pay, or to read how
    intent        text NOT NULL DEFAULT '', -- Stripe's id of the payment
    state         text NOT NULL CONSTRAINT checkouts_state CHECK (state IN ('asked', 'open', 'pending', 'paid', 'failed', 'expired')),
    missing_cents bigint NOT NULL DEFAULT 0, -- of a bank transfer: what Stripe still awaits
    problem       text NOT NULL DEFAULT '',  -- Stripe's code, where it refused
    cost_cents    bigint CONSTRAINT checkouts_cost CHECK (cost_cents >= 0), -- what Stripe keeps; NULL: not known yet
    created_at    timestamptz NOT NULL,
    created_by    bigint NOT NULL CONSTRAINT checkouts_created_by REFERENCES people,
    expires_at    timestamptz NOT NULL,
    paid_at       timestamptz,
    available_on  timestamptz, -- when Stripe expects it to be
    available_at  timestamptz,
    counted_at    timestamptz, -- lenient policy: counted as received before it was banked
    CONSTRAINT checkouts_total CHECK (face_cents + fees_cents > 0),
    CONSTRAINT checkouts_invoice_of_fees CHECK ((invoice_id IS NOT NULL) = (fees_cents > 0)),
    CONSTRAINT checkouts_paid CHECK ((state = 'paid') = (paid_at IS NOT NULL)),
    CONSTRAINT checkouts_available CHECK (available_at IS NULL OR cost_cents IS NOT NULL),
    CONSTRAINT checkouts_counted CHECK (counted_at IS NULL OR available_at IS NOT NULL)
);
CREATE INDEX checkouts_by_order ON checkouts (order_id, id);
CREATE UNIQUE INDEX checkouts_one_open ON checkouts (order_id) WHERE state IN ('asked', 'open');
CREATE INDEX checkouts_by_intent ON checkouts (intent) WHERE intent <> '';
CREATE INDEX checkouts_unsettled ON checkouts (id) WHERE state IN ('asked', 'open', 'pending') OR state = 'paid' AND available_at IS NULL;

-- What Stripe told us, once each. It only names an object, which is then read.
CREATE TABLE stripe_events (
    id          text NOT NULL CONSTRAINT stripe_events_pkey PRIMARY KEY,
    type        text NOT NULL,
    kind        text NOT NULL,
    object_id   text NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX stripe_events_by_time ON stripe_events (received_at);

-- Money from Stripe to one of our bank accounts: the face value of one checkout, or
-- (checkout_id NULL) what is left for the operator. attempt changes the idempotency key
-- after a refusal or a failure, which Stripe may repeat for the old one.
CREATE TABLE stripe_payouts (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT stripe_payouts_pkey PRIMARY KEY,
    checkout_id  bigint CONSTRAINT stripe_payouts_checkout UNIQUE REFERENCES checkouts,
    amount_cents bigint NOT NULL CONSTRAINT stripe_payouts_amount CHECK (amount_cents > 0),
    reference    text NOT NULL CONSTRAINT stripe_payouts_reference UNIQUE, -- on the bank's statement (ISO 11649)
    attempt      integer NOT NULL DEFAULT 1,
    payout       text CONSTRAINT stripe_payouts_payout UNIQUE, -- Stripe's id of the latest attempt
    state        text NOT NULL CONSTRAINT stripe_payouts_state CHECK (state IN ('asked', 'waiting', 'sent', 'paid', 'banked')),
    problem      text NOT NULL DEFAULT '', -- Stripe's code, where it is waiting
    created_at   timestamptz NOT NULL,
    line_id      bigint CONSTRAINT stripe_payouts_line UNIQUE REFERENCES statement_lines DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT stripe_payouts_banked CHECK ((state = 'banked') = (line_id IS NOT NULL))
);
CREATE INDEX stripe_payouts_on_their_way ON stripe_payouts (id) WHERE state <> 'banked';

-- A payment, or a part of it, that went back to the payer against our will: a dispute
-- (dp_…), a direct debit that bounced (dp_… too) or a refund made by hand on Stripe's own
-- pages (re_…). counted_cents of its face value had counted as received or was on its way
-- to the bank; pending_cents had not, and never will unless the dispute is won. NULL: Stripe
-- has taken nothing yet. frozen are vouchers that were stopped because of it.
CREATE TABLE disputes (
    id             bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT disputes_pkey PRIMARY KEY,
    checkout_id    bigint NOT NULL CONSTRAINT disputes_checkout REFERENCES checkouts,
    object_id      text NOT NULL CONSTRAINT disputes_object UNIQUE,
    reason         text NOT NULL,
    amount_cents   bigint NOT NULL CONSTRAINT disputes_amount CHECK (amount_cents > 0),
    state          text NOT NULL CONSTRAINT disputes_state CHECK (state IN ('open', 'won', 'lost')),
    counted_cents  bigint CONSTRAINT disputes_counted CHECK (counted_cents >= 0),
    pending_cents  bigint CONSTRAINT disputes_pending CHECK (pending_cents >= 0),
    fees_cents     bigint CONSTRAINT disputes_fees CHECK (fees_cents >= 0),
    cost_cents     bigint NOT NULL DEFAULT 0 CONSTRAINT disputes_cost CHECK (cost_cents >= 0), -- what Stripe took for it
    cost_back_cents bigint NOT NULL DEFAULT 0 CONSTRAINT disputes_cost_back CHECK (cost_back_cents BETWEEN 0 AND cost_cents),
    frozen         bigint[] NOT NULL DEFAULT '{}',
    opened_at      timestamptz NOT NULL,
    closed_at      timestamptz,
    CONSTRAINT disputes_closed CHECK ((state = 'open') = (closed_at IS NULL)),
    CONSTRAINT disputes_taken CHECK (num_nulls(counted_cents, pending_cents, fees_cents) IN (0, 3))
);
CREATE INDEX disputes_by_checkout ON disputes (checkout_id);
CREATE INDEX disputes_with_frozen ON disputes (id) WHERE frozen <> '{}';

-- Face value that we give back to a payer, out of what is unspent.
CREATE TABLE card_refunds (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT card_refunds_pkey PRIMARY KEY,
    checkout_id  bigint NOT NULL CONSTRAINT card_refunds_checkout REFERENCES checkouts,
    amount_cents bigint NOT NULL CONSTRAINT card_refunds_amount CHECK (amount_cents > 0),
    refund       text CONSTRAINT card_refunds_refund UNIQUE, -- Stripe's id
    state        text NOT NULL CONSTRAINT card_refunds_state CHECK (state IN ('asked', 'pending', 'done', 'failed', 'bounced')),
    problem      text NOT NULL DEFAULT '', -- Stripe's code, where it failed
    created_at   timestamptz NOT NULL,
    created_by   bigint NOT NULL CONSTRAINT card_refunds_created_by REFERENCES people
);
CREATE INDEX card_refunds_by_checkout ON card_refunds (checkout_id);
CREATE INDEX card_refunds_on_their_way ON card_refunds (id) WHERE state IN ('asked', 'pending');
