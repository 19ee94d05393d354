-- +goose Up

-- orders: what the service costs, and what a funder was offered before it ordered.

-- A tariff is published once and never changed: from_on says from when it is quoted. Its id
-- is the version of the terms that go with it. The fee is in basis points of face value,
-- the price of a printed booklet in cents, both without VAT.
CREATE TABLE tariffs (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT tariffs_pkey PRIMARY KEY,
    from_on       date NOT NULL,
    fee_bp        integer NOT NULL CONSTRAINT tariffs_fee CHECK (fee_bp BETWEEN 0 AND 10000),
    booklet_cents bigint NOT NULL CONSTRAINT tariffs_booklet CHECK (booklet_cents BETWEEN 0 AND 100000),
    vat_bp        integer NOT NULL CONSTRAINT tariffs_vat CHECK (vat_bp BETWEEN 0 AND 10000),
    validity_days integer NOT NULL CONSTRAINT tariffs_validity CHECK (validity_days BETWEEN 1 AND 365),
    fees_refunded boolean NOT NULL, -- the part of fees that was not used is given back at the end
    terms         text NOT NULL CONSTRAINT tariffs_terms CHECK (terms <> ''),
    published_at  timestamptz NOT NULL,
    published_by  bigint NOT NULL CONSTRAINT tariffs_published_by REFERENCES people
);
CREATE TRIGGER tariffs_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON tariffs
    FOR EACH STATEMENT EXECUTE FUNCTION only_ever_added();

CREATE TABLE quotes (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT quotes_pkey PRIMARY KEY,
    campaign_id bigint NOT NULL CONSTRAINT quotes_campaign REFERENCES campaigns,
    funder_id   bigint NOT NULL CONSTRAINT quotes_funder REFERENCES organisations,
    made_at     timestamptz NOT NULL
);
CREATE INDEX quotes_by_funder ON quotes (funder_id, id);

-- Each change of a quote is a version; the latest can be accepted. Its price is kept as it
-- was offered. No tariff: the service was free.
CREATE TABLE quote_versions (
    quote_id        bigint NOT NULL CONSTRAINT quote_versions_quote REFERENCES quotes,
    version         integer NOT NULL CONSTRAINT quote_versions_version CHECK (version > 0),
    vouchers        integer NOT NULL CONSTRAINT quote_versions_vouchers CHECK (vouchers BETWEEN 1 AND 1000000),
    booklet_size    integer NOT NULL CONSTRAINT quote_versions_booklet CHECK (booklet_size BETWEEN 1 AND 100),
    medium          text NOT NULL CONSTRAINT quote_versions_medium CHECK (medium IN ('paper', 'digital')),
    letter_language text NOT NULL CONSTRAINT quote_versions_language CHECK (letter_language IN ('fr', 'en')),
    starts_on       date NOT NULL,
    ends_on         date NOT NULL,
    tariff_id       bigint CONSTRAINT quote_versions_tariff REFERENCES tariffs,
    face_cents      bigint NOT NULL CONSTRAINT quote_versions_face CHECK (face_cents > 0),
    service_cents   bigint NOT NULL CONSTRAINT quote_versions_service CHECK (service_cents >= 0),
    printing_cents  bigint NOT NULL CONSTRAINT quote_versions_printing CHECK (printing_cents >= 0),
    vat_cents       bigint NOT NULL CONSTRAINT quote_versions_vat CHECK (vat_cents >= 0),
    valid_until     date NOT NULL,
    made_at         timestamptz NOT NULL,
    made_by         bigint NOT NULL CONSTRAINT quote_versions_made_by REFERENCES people,
    CONSTRAINT quote_versions_pkey PRIMARY KEY (quote_id, version),
    CONSTRAINT quote_versions_dates CHECK (ends_on > starts_on),
    CONSTRAINT quote_versions_free CHECK (tariff_id IS NOT NULL OR service_cents + printing_cents + vat_cents = 0)
);
CREATE TRIGGER quote_versions_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON quote_versions
    FOR EACH STATEMENT EXECUTE FUNCTION only_ever_added();

-- An order is a version that was accepted, by whom ordered_by and accepted_name say.
-- Orders of before have none.
ALTER TABLE orders
    ADD COLUMN quote_id bigint CONSTRAINT orders_quote UNIQUE,
    ADD COLUMN quote_version integer,
    ADD COLUMN accepted_name text NOT NULL DEFAULT '',
    ADD COLUMN engagement text NOT NULL DEFAULT '',
    ADD COLUMN service_code text NOT NULL DEFAULT '',
    ADD CONSTRAINT orders_quoted FOREIGN KEY (quote_id, quote_version) REFERENCES quote_versions,
    ADD CONSTRAINT orders_quote_version CHECK ((quote_id IS NULL) = (quote_version IS NULL));
