-- +goose Up

-- Each step of a shared statement promises how many rows it touches (package db, Step).
-- +goose StatementBegin
CREATE FUNCTION demand_rows(touched bigint[], promised bigint[]) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF touched <> promised THEN
        RAISE EXCEPTION 'the steps touched % rows, not %', touched, promised USING ERRCODE = 'PS001';
    END IF;
    RETURN true;
END $$;
-- +goose StatementEnd

-- identity: who may act, and for whom.

CREATE TABLE organisations (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT organisations_pkey PRIMARY KEY,
    kind       text NOT NULL CONSTRAINT organisations_kind CHECK (kind IN ('funder', 'prescriber', 'structure', 'operator')),
    name       text NOT NULL CONSTRAINT organisations_name CHECK (length(name) BETWEEN 2 AND 140),
    siret      text CONSTRAINT organisations_siret CHECK (siret ~ '^[0-9]{14}$'),
    email      text NOT NULL,
    street     text NOT NULL DEFAULT '',
    postcode   text NOT NULL DEFAULT '',
    town       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    CONSTRAINT organisations_kind_siret UNIQUE (kind, siret)
);

CREATE TABLE people (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT people_pkey PRIMARY KEY,
    email         text NOT NULL CONSTRAINT people_email UNIQUE CONSTRAINT people_email_lower CHECK (email = lower(email)),
    name          text NOT NULL,
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL
);

CREATE TABLE memberships (
    person_id       bigint NOT NULL CONSTRAINT memberships_person REFERENCES people,
    organisation_id bigint NOT NULL CONSTRAINT memberships_organisation REFERENCES organisations,
    role            text NOT NULL CONSTRAINT memberships_role CHECK (role IN ('admin', 'agent', 'finance', 'reader')),
    created_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    CONSTRAINT memberships_pkey PRIMARY KEY (person_id, organisation_id)
);
CREATE INDEX memberships_by_organisation ON memberships (organisation_id);

-- A session and an API token are found by the SHA-256 of 128 random bits or more:
-- a leaked dump opens nothing.
CREATE TABLE sessions (
    token_hash      bytea NOT NULL CONSTRAINT sessions_pkey PRIMARY KEY,
    person_id       bigint NOT NULL CONSTRAINT sessions_person REFERENCES people,
    organisation_id bigint NOT NULL CONSTRAINT sessions_organisation REFERENCES organisations,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL
);

CREATE TABLE api_tokens (
    id              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT api_tokens_pkey PRIMARY KEY,
    token_hash      bytea NOT NULL CONSTRAINT api_tokens_hash UNIQUE,
    person_id       bigint NOT NULL CONSTRAINT api_tokens_person REFERENCES people,
    organisation_id bigint NOT NULL CONSTRAINT api_tokens_organisation REFERENCES organisations,
    label           text NOT NULL,
    scopes          text[] NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    revoked_at      timestamptz
);

-- audit: who did what, before and after. Rows are only ever added.

CREATE TABLE audit_entries (
    id              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_entries_pkey PRIMARY KEY,
    at              timestamptz NOT NULL,
    person_id       bigint,
    organisation_id bigint,
    action          text NOT NULL,
    object          text NOT NULL,
    before          jsonb,
    after           jsonb
);
CREATE INDEX audit_entries_by_object ON audit_entries (object, id);

-- once: one key, one request, one effect. replays counts the times that the stored
-- answer was given again: each is a logged write, so that a replay cannot
-- acknowledge what a failover has lost.

CREATE TABLE idempotency_keys (
    scope        bigint NOT NULL,
    key          text NOT NULL CONSTRAINT idempotency_keys_length CHECK (length(key) BETWEEN 8 AND 200),
    request_hash bytea NOT NULL,
    answer       text NOT NULL,
    created_at   timestamptz NOT NULL,
    replays      integer NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (scope, key)
) WITH (fillfactor = 80);

-- ledger: one row moves one amount from one account to another.

-- An account is a name ("campaign:12:live"), made by package ledger.
-- No foreign keys and no balance on the hot insert (a shared balance row costs 86 %
-- of the throughput); `passerelle verify` checks what they would have. event and
-- cause name the business row that moved the money.
CREATE TABLE transfers (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT transfers_pkey PRIMARY KEY,
    at          timestamptz NOT NULL,
    event       text NOT NULL CONSTRAINT transfers_event CHECK (event IN (
                    'receipt', 'attribution', 'unexpected_debit', 'handover', 'redemption', 'undo', 'expiry',
                    'settlement', 'payout_booked', 'payout_returned')),
    cause       bigint NOT NULL,
    debit       text NOT NULL,
    credit      text NOT NULL,
    amount      bigint NOT NULL CONSTRAINT transfers_amount CHECK (amount > 0),
    campaign_id bigint NOT NULL, -- 0 where the money belongs to no campaign yet
    CONSTRAINT transfers_two_accounts CHECK (debit <> credit)
);

CREATE TABLE guarded_balances (
    account text NOT NULL CONSTRAINT guarded_balances_pkey PRIMARY KEY,
    balance bigint NOT NULL CONSTRAINT guarded_balances_covered CHECK (balance >= 0)
) WITH (fillfactor = 50);

-- Sums of transfers up to an id, so that a balance costs the same whatever the age
-- of the ledger.
CREATE TABLE ledger_rollups (
    account     text NOT NULL,
    campaign_id bigint NOT NULL,
    debited     bigint NOT NULL,
    credited    bigint NOT NULL,
    CONSTRAINT ledger_rollups_pkey PRIMARY KEY (account, campaign_id)
);

CREATE TABLE ledger_watermark (
    one   boolean NOT NULL CONSTRAINT ledger_watermark_pkey PRIMARY KEY CONSTRAINT ledger_watermark_one CHECK (one),
    up_to bigint NOT NULL
);
INSERT INTO ledger_watermark (one, up_to) VALUES (true, 0);

-- +goose StatementBegin
CREATE FUNCTION only_ever_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
-- +goose StatementEnd

CREATE TRIGGER transfers_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION only_ever_added();
CREATE TRIGGER audit_entries_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION only_ever_added();
