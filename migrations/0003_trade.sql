-- +goose Up

-- labelling: places, who answers for them, their labels, where their money goes.

-- Great-circle distance in kilometres by the haversine formula, as territory.DistanceKm.
CREATE FUNCTION km_between(lat1 double precision, lon1 double precision, lat2 double precision, lon2 double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 2 * 6371.0088 * asin(sqrt(least(1, power(sin(radians(lat2 - lat1) / 2), 2)
        + cos(radians(lat1)) * cos(radians(lat2)) * power(sin(radians(lon2 - lon1) / 2), 2))))
$$;

CREATE TABLE places (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT places_pkey PRIMARY KEY,
    source        text NOT NULL,
    source_id     text NOT NULL,
    siret         text NOT NULL, -- as its source says; '' where it does not
    structure_id  bigint CONSTRAINT places_structure REFERENCES organisations,
    claimed_at    timestamptz,
    name          text NOT NULL,
    address       text NOT NULL,
    postcode      text NOT NULL,
    insee         text NOT NULL, -- of the commune, never of an arrondissement
    town          text NOT NULL,
    epci          text NOT NULL,
    departement   text NOT NULL,
    lat           double precision,
    lon           double precision,
    phone         text NOT NULL,
    email         text NOT NULL,
    website       text NOT NULL,
    hours         text NOT NULL,
    themes        text[] NOT NULL,
    presentation  text NOT NULL,
    accessibility text NOT NULL,
    updated_on    date,
    folded        text NOT NULL, -- name and towns as territory.Fold writes them, for search
    imported_at   timestamptz NOT NULL,
    corrected     text[] NOT NULL DEFAULT '{}', -- columns that its structure corrected: they follow the source no more
    corrected_at  timestamptz,
    CONSTRAINT places_corrected CHECK ((corrected = '{}') = (corrected_at IS NULL)),
    CONSTRAINT places_source UNIQUE (source, source_id),
    CONSTRAINT places_claim CHECK ((structure_id IS NULL) = (claimed_at IS NULL))
);
CREATE INDEX places_by_structure ON places (structure_id);
CREATE INDEX places_by_position ON places (lat, lon);

CREATE TABLE labels (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT labels_pkey PRIMARY KEY,
    place_id   bigint NOT NULL CONSTRAINT labels_place REFERENCES places,
    granted_at timestamptz NOT NULL,
    granted_by bigint NOT NULL CONSTRAINT labels_granted_by REFERENCES people,
    starts_on  date NOT NULL,
    ends_on    date NOT NULL,
    ended_at   timestamptz,
    end_reason text,
    CONSTRAINT labels_dates CHECK (ends_on >= starts_on),
    CONSTRAINT labels_end CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE UNIQUE INDEX labels_one_in_force ON labels (place_id) WHERE ended_at IS NULL;

CREATE TABLE bank_details (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT bank_details_pkey PRIMARY KEY,
    structure_id bigint NOT NULL CONSTRAINT bank_details_structure REFERENCES organisations,
    iban         text NOT NULL CONSTRAINT bank_details_iban CHECK (iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'),
    bic          text NOT NULL,
    holder       text NOT NULL,
    created_at   timestamptz NOT NULL,
    created_by   bigint NOT NULL CONSTRAINT bank_details_created_by REFERENCES people,
    replaced_at  timestamptz
);
CREATE UNIQUE INDEX bank_details_one_in_force ON bank_details (structure_id) WHERE replaced_at IS NULL;

-- catalogue: what a place offers, priced in vouchers.

CREATE TABLE services (
    place_id         bigint NOT NULL CONSTRAINT services_place REFERENCES places,
    theme            text NOT NULL,
    price_vouchers   integer NOT NULL CONSTRAINT services_price CHECK (price_vouchers BETWEEN 1 AND 127),
    duration_minutes integer NOT NULL CONSTRAINT services_duration CHECK (duration_minutes BETWEEN 5 AND 600),
    CONSTRAINT services_pkey PRIMARY KEY (place_id, theme)
);

-- campaigns: the funder's rules. The bounds are those of the QR payload.

CREATE TABLE campaigns (
    id             bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT campaigns_pkey PRIMARY KEY
                   CONSTRAINT campaigns_fits_code CHECK (id < 1048576),
    funder_id      bigint NOT NULL CONSTRAINT campaigns_funder REFERENCES organisations,
    name           text NOT NULL CONSTRAINT campaigns_name CHECK (length(name) BETWEEN 2 AND 140),
    face_cents     bigint NOT NULL CONSTRAINT campaigns_face CHECK (face_cents BETWEEN 100 AND 65535),
    booklet_size   integer NOT NULL CONSTRAINT campaigns_booklet CHECK (booklet_size BETWEEN 1 AND 100),
    starts_on      date NOT NULL,
    ends_on        date NOT NULL,
    tolerance_days integer NOT NULL CONSTRAINT campaigns_tolerance CHECK (tolerance_days BETWEEN 0 AND 92),
    price_cap      integer NOT NULL CONSTRAINT campaigns_cap CHECK (price_cap BETWEEN 1 AND 100),
    themes         text[] NOT NULL,
    communes       text[] NOT NULL,
    epcis          text[] NOT NULL,
    departements   text[] NOT NULL,
    created_at     timestamptz NOT NULL,
    created_by     bigint NOT NULL CONSTRAINT campaigns_created_by REFERENCES people,
    CONSTRAINT campaigns_dates CHECK (ends_on > starts_on AND ends_on - starts_on < 4096)
);
CREATE INDEX campaigns_by_funder ON campaigns (funder_id);

-- orders: purchases of face value.

CREATE TABLE orders (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT orders_pkey PRIMARY KEY,
    campaign_id bigint NOT NULL CONSTRAINT orders_campaign REFERENCES campaigns,
    funder_id   bigint NOT NULL CONSTRAINT orders_funder REFERENCES organisations,
    vouchers    integer NOT NULL CONSTRAINT orders_vouchers CHECK (vouchers BETWEEN 1 AND 1000000),
    face_cents  bigint NOT NULL CONSTRAINT orders_face CHECK (face_cents > 0),
    reference   text NOT NULL CONSTRAINT orders_reference UNIQUE,
    ordered_at  timestamptz NOT NULL,
    ordered_by  bigint NOT NULL CONSTRAINT orders_ordered_by REFERENCES people
);
CREATE INDEX orders_by_campaign ON orders (campaign_id);

-- What a bank line brought to an order. The part above the order's face value
-- becomes the funder's credit.
CREATE TABLE receipts (
    line_id        bigint NOT NULL CONSTRAINT receipts_pkey PRIMARY KEY,
    order_id       bigint NOT NULL CONSTRAINT receipts_order REFERENCES orders,
    funds_cents    bigint NOT NULL CONSTRAINT receipts_funds CHECK (funds_cents >= 0),
    credit_cents   bigint NOT NULL CONSTRAINT receipts_credit CHECK (credit_cents >= 0),
    received_at    timestamptz NOT NULL
);
CREATE INDEX receipts_by_order ON receipts (order_id);

-- statements: what the bank says happened.

-- One row per account and message in a file. The same file is known by its hash.
CREATE TABLE statements (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT statements_pkey PRIMARY KEY,
    iban          text NOT NULL,
    kind          text NOT NULL CONSTRAINT statements_kind CHECK (kind IN ('camt.053', 'camt.054')) DEFAULT 'camt.053',
    reference     text NOT NULL,
    sha256        bytea NOT NULL,
    part          integer NOT NULL, -- place in the file, from 0
    opening_cents bigint,
    closing_cents bigint,
    closing_on    date,
    complete      boolean NOT NULL DEFAULT true, -- its movements lead from the opening to the closing balance
    known         integer NOT NULL DEFAULT 0, -- lines that an earlier statement had brought
    pending       integer NOT NULL DEFAULT 0, -- announced by the bank and not booked
    imported_at   timestamptz NOT NULL,
    imported_by   bigint NOT NULL CONSTRAINT statements_imported_by REFERENCES people,
    CONSTRAINT statements_once UNIQUE (sha256, part),
    CONSTRAINT statements_closing CHECK ((closing_cents IS NULL) = (closing_on IS NULL))
);

-- identity names the bank's entry and the payment in it, whichever file it comes from.
CREATE TABLE statement_lines (
    id                bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT statement_lines_pkey PRIMARY KEY,
    statement_id      bigint NOT NULL CONSTRAINT statement_lines_statement REFERENCES statements,
    identity          text NOT NULL CONSTRAINT statement_lines_once UNIQUE,
    booked_on         date NOT NULL,
    amount_cents      bigint NOT NULL CONSTRAINT statement_lines_amount CHECK (amount_cents > 0),
    credit            boolean NOT NULL,
    end_to_end        text NOT NULL,
    counterparty      text NOT NULL,
    counterparty_iban text NOT NULL,
    remittance        text NOT NULL,
    return_reason     text NOT NULL,
    outcome           text NOT NULL CONSTRAINT statement_lines_outcome CHECK (outcome IN
                          ('order_funded', 'unattributed', 'payout_booked', 'payout_returned', 'unexpected_debit')),
    cause             bigint, -- the order or the payout
    CONSTRAINT statement_lines_explained CHECK ((cause IS NULL) = (outcome IN ('unattributed', 'unexpected_debit')))
);
CREATE INDEX statement_lines_by_statement ON statement_lines (statement_id, id);
CREATE INDEX statement_lines_by_day ON statement_lines (booked_on);
CREATE INDEX statement_lines_unexplained ON statement_lines (booked_on, id) WHERE cause IS NULL;

-- issuing: allocations, booklets, vouchers.

CREATE TABLE allocations (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT allocations_pkey PRIMARY KEY,
    campaign_id   bigint NOT NULL CONSTRAINT allocations_campaign REFERENCES campaigns,
    prescriber_id bigint NOT NULL CONSTRAINT allocations_prescriber REFERENCES organisations,
    vouchers      integer NOT NULL CONSTRAINT allocations_vouchers CHECK (vouchers >= 0),
    handed_over   integer NOT NULL,
    CONSTRAINT allocations_one UNIQUE (campaign_id, prescriber_id),
    CONSTRAINT allocations_not_exceeded CHECK (handed_over BETWEEN 0 AND vouchers)
);

-- The id is the serial number in the codes. Codes themselves are derived, never
-- stored: typed_hash is a keyed hash.
CREATE TABLE booklets (
    id             bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT booklets_pkey PRIMARY KEY
                   CONSTRAINT booklets_fits_code CHECK (id < 268435456),
    campaign_id    bigint NOT NULL CONSTRAINT booklets_campaign REFERENCES campaigns,
    allocation_id  bigint NOT NULL CONSTRAINT booklets_allocation REFERENCES allocations,
    prescriber_id  bigint NOT NULL CONSTRAINT booklets_prescriber REFERENCES organisations,
    key_id         smallint NOT NULL,
    typed_hash     bytea NOT NULL CONSTRAINT booklets_typed_hash UNIQUE,
    vouchers       integer NOT NULL,
    face_cents     bigint NOT NULL,
    from_on        date NOT NULL,
    until_on       date NOT NULL,
    insee          text NOT NULL,
    handed_over_at timestamptz NOT NULL,
    handed_over_by bigint NOT NULL CONSTRAINT booklets_handed_over_by REFERENCES people
) WITH (fillfactor = 80);
CREATE INDEX booklets_by_campaign ON booklets (campaign_id);
CREATE INDEX booklets_by_prescriber ON booklets (prescriber_id, id);

-- No index on state: a redemption changes it and must stay a HOT update.
CREATE TABLE vouchers (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT vouchers_pkey PRIMARY KEY,
    booklet_id  bigint NOT NULL CONSTRAINT vouchers_booklet REFERENCES booklets,
    campaign_id bigint NOT NULL,
    face_cents  bigint NOT NULL,
    state       text NOT NULL CONSTRAINT vouchers_state CHECK (state IN
                    ('reserved', 'live', 'redeemed', 'frozen', 'replaced', 'expired', 'returned'))
) WITH (fillfactor = 80);
CREATE INDEX vouchers_by_booklet ON vouchers (booklet_id);

-- +goose StatementBegin
CREATE FUNCTION voucher_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN (
        ('reserved', 'live'), ('reserved', 'returned'),
        ('live', 'redeemed'), ('live', 'frozen'), ('live', 'replaced'), ('live', 'expired'), ('live', 'returned'),
        ('frozen', 'live'), ('frozen', 'replaced'), ('frozen', 'expired'),
        ('redeemed', 'live')) THEN
        RAISE EXCEPTION 'a voucher cannot go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'voucher_moves';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER voucher_moves BEFORE UPDATE ON vouchers
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION voucher_moves();

-- redemption: the counter. No foreign keys on the hot inserts.

CREATE SEQUENCE redemption_ids;

CREATE TABLE redemptions (
    id               bigint NOT NULL CONSTRAINT redemptions_pkey PRIMARY KEY,
    at               timestamptz NOT NULL,
    campaign_id      bigint NOT NULL,
    booklet_id       bigint NOT NULL,
    structure_id     bigint NOT NULL,
    place_id         bigint NOT NULL,
    person_id        bigint NOT NULL,
    vouchers         integer NOT NULL CONSTRAINT redemptions_vouchers CHECK (vouchers > 0),
    amount_cents     bigint NOT NULL CONSTRAINT redemptions_amount CHECK (amount_cents > 0),
    theme            text NOT NULL,
    duration_minutes integer NOT NULL,
    mode             text NOT NULL,
    undone_at        timestamptz,
    undone_by        bigint,
    undo_reason      text,
    CONSTRAINT redemptions_undo CHECK ((undone_at IS NULL) = (undone_by IS NULL) AND (undone_at IS NULL) = (undo_reason IS NULL))
);
CREATE INDEX redemptions_by_structure ON redemptions (structure_id, id);
CREATE INDEX redemptions_by_booklet ON redemptions (booklet_id);

CREATE TABLE redeemed_vouchers (
    redemption_id bigint NOT NULL,
    voucher_id    bigint NOT NULL,
    undone        boolean NOT NULL,
    CONSTRAINT redeemed_vouchers_pkey PRIMARY KEY (redemption_id, voucher_id)
);
-- A second redemption of a voucher is impossible even with a bug above it.
CREATE UNIQUE INDEX redeemed_vouchers_once ON redeemed_vouchers (voucher_id) WHERE NOT undone;

-- settlement: one transfer to one structure in a dated batch.

CREATE TABLE settlements (
    id              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT settlements_pkey PRIMARY KEY,
    message_id      text NOT NULL CONSTRAINT settlements_message UNIQUE,
    closed_at       timestamptz NOT NULL,
    closed_by       bigint NOT NULL CONSTRAINT settlements_closed_by REFERENCES people,
    execution_on    date NOT NULL,
    payouts         integer NOT NULL,
    total_cents     bigint NOT NULL,
    file_sha256     bytea NOT NULL,
    -- Who pays, as known then: the file is made from these rows and those of payouts alone.
    debtor_name     text NOT NULL,
    debtor_iban     text NOT NULL,
    debtor_bic      text NOT NULL,
    debtor_street   text NOT NULL,
    debtor_postcode text NOT NULL,
    debtor_town     text NOT NULL
);

-- after_id and up_to_id bound the redemptions that a payout pays: those of its
-- structure with after_id < id <= up_to_id that were not undone. Windows of one
-- structure follow each other without a gap.
CREATE TABLE payouts (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT payouts_pkey PRIMARY KEY,
    settlement_id bigint NOT NULL CONSTRAINT payouts_settlement REFERENCES settlements,
    structure_id  bigint NOT NULL CONSTRAINT payouts_structure REFERENCES organisations,
    after_id      bigint NOT NULL,
    up_to_id      bigint NOT NULL,
    redemptions   integer NOT NULL,
    amount_cents  bigint NOT NULL CONSTRAINT payouts_amount CHECK (amount_cents > 0),
    iban          text NOT NULL,
    bic           text NOT NULL,
    holder        text NOT NULL,
    street        text NOT NULL,
    postcode      text NOT NULL,
    town          text NOT NULL,
    end_to_end    text NOT NULL CONSTRAINT payouts_end_to_end UNIQUE,
    state         text NOT NULL CONSTRAINT payouts_state CHECK (state IN ('in_transit', 'booked', 'returned')),
    booked_on     date,
    return_reason text,
    reissued_in   bigint CONSTRAINT payouts_reissued REFERENCES payouts,
    CONSTRAINT payouts_window CHECK (up_to_id >= after_id),
    CONSTRAINT payouts_one_per_settlement UNIQUE (settlement_id, structure_id)
);

CREATE INDEX payouts_by_structure ON payouts (structure_id, id);
CREATE INDEX payouts_to_reissue ON payouts (structure_id) WHERE state = 'returned' AND reissued_in IS NULL;
CREATE INDEX payouts_by_reissue ON payouts (reissued_in) WHERE reissued_in IS NOT NULL;

CREATE TABLE payout_parts (
    payout_id    bigint NOT NULL CONSTRAINT payout_parts_payout REFERENCES payouts,
    campaign_id  bigint NOT NULL CONSTRAINT payout_parts_campaign REFERENCES campaigns,
    amount_cents bigint NOT NULL CONSTRAINT payout_parts_amount CHECK (amount_cents > 0),
    CONSTRAINT payout_parts_pkey PRIMARY KEY (payout_id, campaign_id)
);
