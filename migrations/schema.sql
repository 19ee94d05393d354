-- The sum of the migrations, for reading: what a migrated database says of itself.
-- Written by: go test ./internal -run Schema -update

CREATE OR REPLACE FUNCTION public.demand_rows(touched bigint[], promised bigint[])
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF touched <> promised THEN
        RAISE EXCEPTION 'the steps touched % rows, not %', touched, promised USING ERRCODE = 'PS001';
    END IF;
    RETURN true;
END $function$;

CREATE OR REPLACE FUNCTION public.km_between(lat1 double precision, lon1 double precision, lat2 double precision, lon2 double precision)
 RETURNS double precision
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT 2 * 6371.0088 * asin(sqrt(least(1, power(sin(radians(lat2 - lat1) / 2), 2)
        + cos(radians(lat1)) * cos(radians(lat2)) * power(sin(radians(lon2 - lon1) / 2), 2))))
$function$;

CREATE OR REPLACE FUNCTION public.only_ever_added()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $function$;

CREATE OR REPLACE FUNCTION public.unaccented(said text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT translate(lower(said), 'àâäáãéèêëíìîïóòôöõúùûüçñ’''-', 'aaaaaeeeeiiiiooooouuuucn   ')
$function$;

CREATE OR REPLACE FUNCTION public.voucher_moves()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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

CREATE SEQUENCE redemption_ids;

CREATE TABLE adjustments (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    structure_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    kind text NOT NULL,
    amount_cents bigint NOT NULL,
    redemption_id bigint,
    debt_id bigint,
    made_at timestamp with time zone NOT NULL,
    made_by bigint,
    payout_id bigint,
    CONSTRAINT adjustments_amount CHECK (
CASE kind
    WHEN 'released'::text THEN (amount_cents > 0)
    ELSE (amount_cents < 0)
END),
    CONSTRAINT adjustments_kind CHECK ((kind = ANY (ARRAY['withheld'::text, 'released'::text, 'netted'::text]))),
    CONSTRAINT adjustments_of_one CHECK ((((kind = 'netted'::text) = (debt_id IS NOT NULL)) AND ((kind = 'netted'::text) = (redemption_id IS NULL)))),
    CONSTRAINT adjustments_pkey PRIMARY KEY (id)
);

CREATE TABLE agenda_feeds (
    person_id bigint NOT NULL,
    structure_id bigint NOT NULL,
    token_hash bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT agenda_feeds_pkey PRIMARY KEY (person_id, structure_id),
    CONSTRAINT agenda_feeds_token UNIQUE (token_hash)
);

CREATE TABLE agenda_meetings (
    session_id bigint NOT NULL,
    number integer NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    CONSTRAINT agenda_meetings_ends CHECK ((ends_at > starts_at)),
    CONSTRAINT agenda_meetings_number CHECK (((number >= 2) AND (number <= 30))),
    CONSTRAINT agenda_meetings_pkey PRIMARY KEY (session_id, number)
);

CREATE TABLE agenda_sessions (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    place_id bigint NOT NULL,
    service_id bigint NOT NULL,
    mediator_id bigint NOT NULL,
    kind text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    seats integer NOT NULL,
    note text NOT NULL DEFAULT ''::text,
    published_at timestamp with time zone NOT NULL,
    published_by bigint NOT NULL,
    cancelled_at timestamp with time zone,
    cancel_reason text,
    changes integer NOT NULL DEFAULT 0,
    CONSTRAINT agenda_sessions_cancelled CHECK (((cancelled_at IS NULL) = (cancel_reason IS NULL))),
    CONSTRAINT agenda_sessions_ends CHECK ((ends_at > starts_at)),
    CONSTRAINT agenda_sessions_kind CHECK ((kind = ANY (ARRAY['session'::text, 'course'::text, 'slot'::text]))),
    CONSTRAINT agenda_sessions_pkey PRIMARY KEY (id),
    CONSTRAINT agenda_sessions_seats CHECK (((seats >= 1) AND (seats <= 500)))
);

CREATE TABLE allocations (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    campaign_id bigint NOT NULL,
    prescriber_id bigint NOT NULL,
    vouchers integer NOT NULL,
    handed_over integer NOT NULL,
    CONSTRAINT allocations_not_exceeded CHECK (((handed_over >= 0) AND (handed_over <= vouchers))),
    CONSTRAINT allocations_one UNIQUE (campaign_id, prescriber_id),
    CONSTRAINT allocations_pkey PRIMARY KEY (id),
    CONSTRAINT allocations_vouchers CHECK ((vouchers >= 0))
);

CREATE TABLE api_tokens (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    token_hash bytea NOT NULL,
    person_id bigint NOT NULL,
    organisation_id bigint NOT NULL,
    label text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT api_tokens_hash UNIQUE (token_hash),
    CONSTRAINT api_tokens_pkey PRIMARY KEY (id)
);

CREATE TABLE application_events (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    application_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    person_id bigint NOT NULL,
    event text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    remarks jsonb NOT NULL DEFAULT '{}'::jsonb,
    CONSTRAINT application_events_event CHECK ((event = ANY (ARRAY['sent'::text, 'asked'::text, 'refusal_proposed'::text, 'sent_back'::text, 'refused'::text, 'granted'::text, 'appealed'::text, 'withdrawn'::text]))),
    CONSTRAINT application_events_pkey PRIMARY KEY (id)
);

CREATE TABLE application_proofs (
    file_id bigint NOT NULL,
    application_id bigint NOT NULL,
    criterion text NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT application_proofs_pkey PRIMARY KEY (file_id)
);

CREATE TABLE applications (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    place_id bigint NOT NULL,
    structure_id bigint NOT NULL,
    kind text NOT NULL,
    version integer NOT NULL,
    state text NOT NULL,
    answers jsonb NOT NULL DEFAULT '{}'::jsonb,
    remarks jsonb NOT NULL DEFAULT '{}'::jsonb,
    reason text NOT NULL DEFAULT ''::text,
    appeal text NOT NULL DEFAULT ''::text,
    started_at timestamp with time zone NOT NULL,
    started_by bigint NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    reviewed_by bigint,
    confirmed_by bigint,
    decided_at timestamp with time zone,
    label_id bigint,
    CONSTRAINT applications_granted CHECK (((state = 'granted'::text) = (label_id IS NOT NULL))),
    CONSTRAINT applications_pkey PRIMARY KEY (id),
    CONSTRAINT applications_refused_by_two CHECK (((state <> ALL (ARRAY['refused'::text, 'appealed'::text])) OR (confirmed_by <> reviewed_by))),
    CONSTRAINT applications_state CHECK ((state = ANY (ARRAY['draft'::text, 'sent'::text, 'asked'::text, 'refusing'::text, 'refused'::text, 'appealed'::text, 'granted'::text, 'withdrawn'::text])))
);

CREATE TABLE audit_entries (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    at timestamp with time zone NOT NULL,
    person_id bigint,
    organisation_id bigint,
    action text NOT NULL,
    object text NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT audit_entries_pkey PRIMARY KEY (id)
);

CREATE TABLE bank_answer_lines (
    answer_id bigint NOT NULL,
    end_to_end text NOT NULL,
    payee text NOT NULL,
    amount_cents bigint NOT NULL,
    status text NOT NULL,
    reason text NOT NULL,
    effect text NOT NULL,
    CONSTRAINT bank_answer_lines_amount CHECK ((amount_cents > 0)),
    CONSTRAINT bank_answer_lines_effect CHECK ((effect = ANY (ARRAY['accepted'::text, 'waiting'::text, 'rejected'::text, 'rejected_before'::text, 'contradicted'::text]))),
    CONSTRAINT bank_answer_lines_pkey PRIMARY KEY (answer_id, end_to_end)
);

CREATE TABLE bank_answers (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    sha256 bytea NOT NULL,
    reference text NOT NULL,
    message_id text NOT NULL,
    status text NOT NULL,
    reason text NOT NULL,
    answered_at timestamp with time zone,
    imported_at timestamp with time zone NOT NULL,
    imported_by bigint NOT NULL,
    CONSTRAINT bank_answers_pkey PRIMARY KEY (id),
    CONSTRAINT bank_answers_sha256 UNIQUE (sha256)
);

CREATE TABLE bank_cases (
    line_id bigint NOT NULL,
    kind text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    reminded_at timestamp with time zone,
    decision text,
    pair_id bigint,
    note text NOT NULL DEFAULT ''::text,
    decided_at timestamp with time zone,
    decided_by bigint,
    CONSTRAINT bank_cases_decided CHECK (((decision IS NULL) = (decided_at IS NULL))),
    CONSTRAINT bank_cases_decision CHECK ((decision = ANY (ARRAY['order'::text, 'fees'::text, 'keep'::text, 'refund'::text, 'return'::text, 'top_up'::text, 'debt'::text, 'pair'::text, 'noted'::text, 'completed'::text, 'batch'::text]))),
    CONSTRAINT bank_cases_kind CHECK ((kind = ANY (ARRAY['unexpected_debit'::text, 'payment_returned'::text, 'payout_returned'::text, 'wrong_account'::text, 'wrong_reference'::text, 'unknown_payer'::text, 'double_payment'::text, 'over_payment'::text, 'part_payment'::text, 'batch_mismatch'::text]))),
    CONSTRAINT bank_cases_pair UNIQUE (pair_id),
    CONSTRAINT bank_cases_paired CHECK (((pair_id IS NOT NULL) = (NOT (decision IS DISTINCT FROM 'pair'::text)))),
    CONSTRAINT bank_cases_pkey PRIMARY KEY (line_id)
);

CREATE TABLE bank_details (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    structure_id bigint NOT NULL,
    iban text NOT NULL,
    bic text NOT NULL,
    holder text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by bigint NOT NULL,
    replaced_at timestamp with time zone,
    proof_id bigint,
    changes boolean NOT NULL DEFAULT false,
    asked_match text NOT NULL DEFAULT ''::text,
    asked_name text NOT NULL DEFAULT ''::text,
    asked_at timestamp with time zone,
    match text NOT NULL DEFAULT ''::text,
    how text NOT NULL DEFAULT ''::text,
    verified_at timestamp with time zone,
    verified_by bigint,
    approved_at timestamp with time zone,
    approved_by bigint,
    in_force_at timestamp with time zone,
    ended_at timestamp with time zone,
    ended_by bigint,
    end_reason text NOT NULL DEFAULT ''::text,
    CONSTRAINT bank_details_approved CHECK (((approved_at IS NULL) = (approved_by IS NULL))),
    CONSTRAINT bank_details_cooled CHECK (((NOT changes) OR (in_force_at >= (created_at + '72:00:00'::interval)))),
    CONSTRAINT bank_details_iban CHECK ((iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'::text)),
    CONSTRAINT bank_details_in_force CHECK (((in_force_at IS NULL) OR ((verified_at IS NOT NULL) AND ((approved_at IS NOT NULL) OR (NOT changes))))),
    CONSTRAINT bank_details_match CHECK ((match = ANY (ARRAY[''::text, 'match'::text, 'close'::text, 'unavailable'::text, 'earlier'::text]))),
    CONSTRAINT bank_details_pkey PRIMARY KEY (id),
    CONSTRAINT bank_details_two_people CHECK (((approved_by <> created_by) AND (approved_by <> verified_by))),
    CONSTRAINT bank_details_verified CHECK ((((verified_at IS NULL) = (match = ''::text)) AND ((verified_at IS NULL) = (verified_by IS NULL)))),
    CONSTRAINT bank_details_verified_by_another CHECK (((verified_by <> created_by) OR (match = 'earlier'::text)))
);

CREATE TABLE bookings (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    session_id bigint NOT NULL,
    booklet_id bigint NOT NULL,
    vouchers integer NOT NULL,
    state text NOT NULL,
    no_show text NOT NULL,
    email text NOT NULL DEFAULT ''::text,
    phone text NOT NULL DEFAULT ''::text,
    booked_at timestamp with time zone NOT NULL,
    booked_by text NOT NULL,
    person_id bigint,
    seated_at timestamp with time zone,
    reminded_at timestamp with time zone,
    ended_at timestamp with time zone,
    ended_by text,
    redemption_id bigint,
    CONSTRAINT bookings_booked_by CHECK ((booked_by = ANY (ARRAY['holder'::text, 'prescriber'::text, 'place'::text]))),
    CONSTRAINT bookings_charged CHECK (((redemption_id IS NULL) OR (state = 'no_show'::text))),
    CONSTRAINT bookings_ended CHECK ((((ended_at IS NULL) = (ended_by IS NULL)) AND ((ended_at IS NULL) = (state = ANY (ARRAY['booked'::text, 'waiting'::text]))))),
    CONSTRAINT bookings_ended_by CHECK ((ended_by = ANY (ARRAY['holder'::text, 'prescriber'::text, 'place'::text, 'time'::text]))),
    CONSTRAINT bookings_no_show CHECK ((no_show = ANY (ARRAY['none'::text, 'one'::text, 'all'::text]))),
    CONSTRAINT bookings_pkey PRIMARY KEY (id),
    CONSTRAINT bookings_seated CHECK (((state <> ALL (ARRAY['booked'::text, 'no_show'::text])) OR (seated_at IS NOT NULL))),
    CONSTRAINT bookings_state CHECK ((state = ANY (ARRAY['booked'::text, 'waiting'::text, 'cancelled'::text, 'no_show'::text]))),
    CONSTRAINT bookings_vouchers CHECK (((vouchers >= 0) AND (vouchers <= 100)))
);

CREATE TABLE booklets (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    campaign_id bigint NOT NULL,
    allocation_id bigint NOT NULL,
    prescriber_id bigint NOT NULL,
    key_id smallint NOT NULL,
    typed_hash bytea NOT NULL,
    vouchers integer NOT NULL,
    face_cents bigint NOT NULL,
    from_on date NOT NULL,
    until_on date NOT NULL,
    insee text NOT NULL,
    handed_over_at timestamp with time zone NOT NULL,
    handed_over_by bigint NOT NULL,
    CONSTRAINT booklets_fits_code CHECK ((id < 268435456)),
    CONSTRAINT booklets_pkey PRIMARY KEY (id),
    CONSTRAINT booklets_typed_hash UNIQUE (typed_hash)
) WITH (fillfactor=80);

CREATE TABLE campaign_extensions (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    campaign_id bigint NOT NULL,
    from_on date NOT NULL,
    until_on date NOT NULL,
    booklets integer NOT NULL,
    vouchers integer NOT NULL,
    value_cents bigint NOT NULL,
    signed_name text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    decided_by bigint NOT NULL,
    CONSTRAINT campaign_extensions_later CHECK ((until_on > from_on)),
    CONSTRAINT campaign_extensions_pkey PRIMARY KEY (id)
);

CREATE TABLE campaign_shares (
    campaign_id bigint NOT NULL,
    funder_id bigint NOT NULL,
    kind text NOT NULL,
    percent_bp integer NOT NULL,
    ceiling_cents bigint,
    agreed_at timestamp with time zone NOT NULL,
    agreed_by bigint NOT NULL,
    CONSTRAINT campaign_shares_ceiling CHECK ((ceiling_cents > 0)),
    CONSTRAINT campaign_shares_kind CHECK ((kind = ANY (ARRAY['percent'::text, 'rest'::text]))),
    CONSTRAINT campaign_shares_percent CHECK (((percent_bp >= 0) AND (percent_bp <= 10000))),
    CONSTRAINT campaign_shares_pkey PRIMARY KEY (campaign_id, funder_id),
    CONSTRAINT campaign_shares_rest CHECK (((kind = 'rest'::text) = (percent_bp = 0)))
);

CREATE TABLE campaigns (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    funder_id bigint NOT NULL,
    name text NOT NULL,
    face_cents bigint NOT NULL,
    booklet_size integer NOT NULL,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    tolerance_days integer NOT NULL,
    price_cap integer NOT NULL,
    themes text[] NOT NULL,
    communes text[] NOT NULL,
    epcis text[] NOT NULL,
    departements text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by bigint NOT NULL,
    closed_at timestamp with time zone,
    no_show text NOT NULL DEFAULT 'none'::text,
    accepted_labels text[] NOT NULL DEFAULT '{}'::text[],
    CONSTRAINT campaigns_booklet CHECK (((booklet_size >= 1) AND (booklet_size <= 100))),
    CONSTRAINT campaigns_cap CHECK (((price_cap >= 1) AND (price_cap <= 100))),
    CONSTRAINT campaigns_dates CHECK (((ends_on > starts_on) AND ((ends_on - starts_on) < 4096))),
    CONSTRAINT campaigns_face CHECK (((face_cents >= 100) AND (face_cents <= 65535))),
    CONSTRAINT campaigns_fits_code CHECK ((id < 1048576)),
    CONSTRAINT campaigns_name CHECK (((length(name) >= 2) AND (length(name) <= 140))),
    CONSTRAINT campaigns_no_show CHECK ((no_show = ANY (ARRAY['none'::text, 'one'::text, 'all'::text]))),
    CONSTRAINT campaigns_pkey PRIMARY KEY (id),
    CONSTRAINT campaigns_tolerance CHECK (((tolerance_days >= 0) AND (tolerance_days <= 92)))
);

CREATE TABLE card_refunds (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    checkout_id bigint NOT NULL,
    amount_cents bigint NOT NULL,
    refund text,
    state text NOT NULL,
    problem text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    created_by bigint NOT NULL,
    CONSTRAINT card_refunds_amount CHECK ((amount_cents > 0)),
    CONSTRAINT card_refunds_pkey PRIMARY KEY (id),
    CONSTRAINT card_refunds_refund UNIQUE (refund),
    CONSTRAINT card_refunds_state CHECK ((state = ANY (ARRAY['asked'::text, 'pending'::text, 'done'::text, 'failed'::text, 'bounced'::text])))
);

CREATE TABLE checkouts (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    order_id bigint NOT NULL,
    means text NOT NULL,
    face_cents bigint NOT NULL,
    fees_cents bigint NOT NULL,
    invoice_id bigint,
    customer text NOT NULL DEFAULT ''::text,
    session text,
    url text NOT NULL DEFAULT ''::text,
    intent text NOT NULL DEFAULT ''::text,
    state text NOT NULL,
    missing_cents bigint NOT NULL DEFAULT 0,
    problem text NOT NULL DEFAULT ''::text,
    cost_cents bigint,
    created_at timestamp with time zone NOT NULL,
    created_by bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    paid_at timestamp with time zone,
    available_on timestamp with time zone,
    available_at timestamp with time zone,
    counted_at timestamp with time zone,
    CONSTRAINT checkouts_available CHECK (((available_at IS NULL) OR (cost_cents IS NOT NULL))),
    CONSTRAINT checkouts_cost CHECK ((cost_cents >= 0)),
    CONSTRAINT checkouts_counted CHECK (((counted_at IS NULL) OR (available_at IS NOT NULL))),
    CONSTRAINT checkouts_face CHECK ((face_cents >= 0)),
    CONSTRAINT checkouts_fees CHECK ((fees_cents >= 0)),
    CONSTRAINT checkouts_invoice_of_fees CHECK (((invoice_id IS NOT NULL) = (fees_cents > 0))),
    CONSTRAINT checkouts_means CHECK ((means = ANY (ARRAY['card'::text, 'sepa_debit'::text, 'customer_balance'::text]))),
    CONSTRAINT checkouts_paid CHECK (((state = 'paid'::text) = (paid_at IS NOT NULL))),
    CONSTRAINT checkouts_pkey PRIMARY KEY (id),
    CONSTRAINT checkouts_session UNIQUE (session),
    CONSTRAINT checkouts_state CHECK ((state = ANY (ARRAY['asked'::text, 'open'::text, 'pending'::text, 'paid'::text, 'failed'::text, 'expired'::text]))),
    CONSTRAINT checkouts_total CHECK (((face_cents + fees_cents) > 0))
);

CREATE TABLE chorus_deposits (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    invoice_id bigint NOT NULL,
    status text NOT NULL,
    note text NOT NULL,
    at timestamp with time zone NOT NULL,
    by bigint NOT NULL,
    CONSTRAINT chorus_deposits_pkey PRIMARY KEY (id),
    CONSTRAINT chorus_deposits_status CHECK ((status = ANY (ARRAY['deposited'::text, 'received'::text, 'accepted'::text, 'rejected'::text, 'paid'::text])))
);

CREATE TABLE claim_uses (
    refund_id bigint NOT NULL,
    line_id bigint NOT NULL,
    funder_id bigint,
    amount_cents bigint NOT NULL,
    CONSTRAINT claim_uses_amount CHECK ((amount_cents > 0)),
    CONSTRAINT claim_uses_once UNIQUE NULLS NOT DISTINCT (refund_id, funder_id)
);

CREATE TABLE closing_parts (
    closing_id bigint NOT NULL,
    funder_id bigint NOT NULL,
    paid_cents bigint NOT NULL,
    used_cents bigint NOT NULL,
    funds_cents bigint NOT NULL,
    unused_cents bigint NOT NULL,
    CONSTRAINT closing_parts_funds CHECK ((funds_cents >= 0)),
    CONSTRAINT closing_parts_paid CHECK ((paid_cents >= 0)),
    CONSTRAINT closing_parts_pkey PRIMARY KEY (closing_id, funder_id),
    CONSTRAINT closing_parts_unused CHECK ((unused_cents >= 0)),
    CONSTRAINT closing_parts_used CHECK (((used_cents >= 0) AND (used_cents <= paid_cents)))
);

CREATE TABLE closings (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    campaign_id bigint NOT NULL,
    used_cents bigint NOT NULL,
    funds_cents bigint NOT NULL,
    unused_cents bigint NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    closed_by bigint,
    CONSTRAINT closings_funds CHECK ((funds_cents >= 0)),
    CONSTRAINT closings_pkey PRIMARY KEY (id),
    CONSTRAINT closings_unused CHECK ((unused_cents >= 0)),
    CONSTRAINT closings_used CHECK ((used_cents >= 0))
);

CREATE TABLE complaint_proofs (
    file_id bigint NOT NULL,
    complaint_id bigint NOT NULL,
    CONSTRAINT complaint_proofs_pkey PRIMARY KEY (file_id)
);

CREATE TABLE complaints (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    redemption_id bigint NOT NULL,
    structure_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    opened_as text NOT NULL,
    organisation_id bigint,
    opened_by bigint,
    opened_at timestamp with time zone NOT NULL,
    cause text NOT NULL,
    words text NOT NULL,
    email text NOT NULL DEFAULT ''::text,
    phone text NOT NULL DEFAULT ''::text,
    answer_by date NOT NULL,
    answer text NOT NULL DEFAULT ''::text,
    answered_at timestamp with time zone,
    answered_by bigint,
    state text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    ended_at timestamp with time zone,
    decided_by bigint,
    correction_id bigint,
    CONSTRAINT complaints_answer CHECK ((length(answer) <= 2000)),
    CONSTRAINT complaints_answered CHECK (((answered_at IS NULL) = (answered_by IS NULL))),
    CONSTRAINT complaints_cause CHECK ((cause = ANY (ARRAY['not_mine'::text, 'too_many'::text, 'not_given'::text, 'mistake'::text, 'other'::text]))),
    CONSTRAINT complaints_contact CHECK (((opened_as = 'holder'::text) OR ((email = ''::text) AND (phone = ''::text)))),
    CONSTRAINT complaints_corrected CHECK (((state = 'upheld'::text) = (correction_id IS NOT NULL))),
    CONSTRAINT complaints_decided_by_another CHECK ((decided_by <> opened_by)),
    CONSTRAINT complaints_ended CHECK ((((state = 'open'::text) = (ended_at IS NULL)) AND ((state = ANY (ARRAY['upheld'::text, 'dismissed'::text])) = (decided_by IS NOT NULL)))),
    CONSTRAINT complaints_opened_as CHECK ((opened_as = ANY (ARRAY['holder'::text, 'structure'::text, 'funder'::text, 'prescriber'::text, 'operator'::text]))),
    CONSTRAINT complaints_opener CHECK ((((opened_as = 'holder'::text) = (organisation_id IS NULL)) AND ((organisation_id IS NULL) = (opened_by IS NULL)))),
    CONSTRAINT complaints_pkey PRIMARY KEY (id),
    CONSTRAINT complaints_state CHECK ((state = ANY (ARRAY['open'::text, 'withdrawn'::text, 'upheld'::text, 'dismissed'::text]))),
    CONSTRAINT complaints_words CHECK ((length(words) <= 2000))
);

CREATE TABLE connect_accounts (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    structure_id bigint NOT NULL,
    account text,
    submitted boolean NOT NULL DEFAULT false,
    ready boolean NOT NULL DEFAULT false,
    problem text NOT NULL DEFAULT ''::text,
    last4 text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    created_by bigint NOT NULL,
    approved_at timestamp with time zone,
    approved_by bigint,
    in_force_at timestamp with time zone,
    ended_at timestamp with time zone,
    ended_by bigint,
    end_reason text NOT NULL DEFAULT ''::text,
    CONSTRAINT connect_accounts_account CHECK ((account ~ '^acct_[A-Za-z0-9_]+$'::text)),
    CONSTRAINT connect_accounts_approved CHECK ((((approved_at IS NULL) = (approved_by IS NULL)) AND ((approved_at IS NULL) = (in_force_at IS NULL)))),
    CONSTRAINT connect_accounts_cooled CHECK ((in_force_at >= (created_at + '72:00:00'::interval))),
    CONSTRAINT connect_accounts_made CHECK (((approved_at IS NULL) OR (account IS NOT NULL))),
    CONSTRAINT connect_accounts_pkey PRIMARY KEY (id),
    CONSTRAINT connect_accounts_two_people CHECK ((approved_by <> created_by))
);

CREATE TABLE connect_transfers (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    payout_id bigint NOT NULL,
    attempt integer NOT NULL DEFAULT 1,
    state text NOT NULL,
    transfer text,
    payout text,
    problem text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT connect_transfers_once UNIQUE (payout_id),
    CONSTRAINT connect_transfers_payout UNIQUE (payout),
    CONSTRAINT connect_transfers_pkey PRIMARY KEY (id),
    CONSTRAINT connect_transfers_state CHECK ((state = ANY (ARRAY['waiting'::text, 'asked'::text, 'transferred'::text, 'leaving'::text, 'paid'::text, 'reversing'::text, 'back'::text]))),
    CONSTRAINT connect_transfers_transfer UNIQUE (transfer)
);

CREATE TABLE continuity_exports (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    made_at timestamp with time zone NOT NULL,
    made_by bigint,
    folder text NOT NULL,
    transfers_up_to bigint NOT NULL,
    owed_cents bigint NOT NULL,
    files integer NOT NULL,
    size_bytes bigint NOT NULL,
    manifest_sha256 bytea NOT NULL,
    CONSTRAINT continuity_exports_files CHECK ((files > 0)),
    CONSTRAINT continuity_exports_manifest CHECK ((length(manifest_sha256) = 32)),
    CONSTRAINT continuity_exports_pkey PRIMARY KEY (id),
    CONSTRAINT continuity_exports_size CHECK ((size_bytes > 0))
);

CREATE TABLE contribution_followers (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    address text NOT NULL,
    report_id bigint,
    translation_id bigint,
    CONSTRAINT contribution_followers_of_one CHECK (((report_id IS NULL) <> (translation_id IS NULL))),
    CONSTRAINT contribution_followers_once UNIQUE NULLS NOT DISTINCT (address, report_id, translation_id),
    CONSTRAINT contribution_followers_pkey PRIMARY KEY (id)
);

CREATE TABLE contribution_letters (
    address text NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    CONSTRAINT contribution_letters_pkey PRIMARY KEY (address)
);

CREATE TABLE correction_requests (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    redemption_id bigint,
    debt_id bigint,
    structure_id bigint NOT NULL,
    amount_cents bigint NOT NULL,
    reason text NOT NULL,
    state text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    requested_by bigint NOT NULL,
    decided_at timestamp with time zone,
    decided_by bigint,
    CONSTRAINT correction_requests_amount CHECK ((amount_cents > 0)),
    CONSTRAINT correction_requests_decided CHECK ((((state = 'requested'::text) = (decided_at IS NULL)) AND ((decided_at IS NULL) = (decided_by IS NULL)))),
    CONSTRAINT correction_requests_kind CHECK ((kind = ANY (ARRAY['clawback'::text, 'forgiveness'::text]))),
    CONSTRAINT correction_requests_of_one CHECK ((((kind = 'clawback'::text) = (redemption_id IS NOT NULL)) AND ((kind = 'forgiveness'::text) = (debt_id IS NOT NULL)))),
    CONSTRAINT correction_requests_pkey PRIMARY KEY (id),
    CONSTRAINT correction_requests_state CHECK ((state = ANY (ARRAY['requested'::text, 'approved'::text, 'refused'::text]))),
    CONSTRAINT correction_requests_two_people CHECK (((state <> 'approved'::text) OR (decided_by <> requested_by)))
);

CREATE TABLE corrections (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    redemption_id bigint NOT NULL,
    structure_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    amount_cents bigint NOT NULL,
    outcome text NOT NULL,
    reason text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    made_by bigint NOT NULL,
    CONSTRAINT corrections_amount CHECK ((amount_cents > 0)),
    CONSTRAINT corrections_once UNIQUE (redemption_id),
    CONSTRAINT corrections_outcome CHECK ((outcome = ANY (ARRAY['live'::text, 'funds'::text, 'debt'::text]))),
    CONSTRAINT corrections_pkey PRIMARY KEY (id)
);

CREATE TABLE credit_choices (
    campaign_id bigint NOT NULL,
    funder_id bigint NOT NULL,
    kind text NOT NULL,
    to_campaign_id bigint,
    chosen_at timestamp with time zone NOT NULL,
    chosen_by bigint NOT NULL,
    CONSTRAINT credit_choices_kind CHECK ((kind = ANY (ARRAY['refund'::text, 'rollover'::text, 'keep'::text]))),
    CONSTRAINT credit_choices_pkey PRIMARY KEY (campaign_id, funder_id),
    CONSTRAINT credit_choices_rollover CHECK ((((kind = 'rollover'::text) = (to_campaign_id IS NOT NULL)) AND (to_campaign_id <> campaign_id)))
);

CREATE TABLE debt_note_lines (
    note_id bigint NOT NULL,
    debt_id bigint NOT NULL,
    amount_cents bigint NOT NULL,
    CONSTRAINT debt_note_lines_amount CHECK ((amount_cents > 0)),
    CONSTRAINT debt_note_lines_pkey PRIMARY KEY (note_id, debt_id)
);

CREATE TABLE debt_note_numbers (
    year integer NOT NULL,
    last integer NOT NULL,
    CONSTRAINT debt_note_numbers_last CHECK ((last > 0)),
    CONSTRAINT debt_note_numbers_pkey PRIMARY KEY (year)
);

CREATE TABLE debt_notes (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    year integer NOT NULL,
    seq integer NOT NULL,
    structure_id bigint NOT NULL,
    reference text NOT NULL,
    amount_cents bigint NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    due_on date NOT NULL,
    CONSTRAINT debt_notes_amount CHECK ((amount_cents > 0)),
    CONSTRAINT debt_notes_pkey PRIMARY KEY (id),
    CONSTRAINT debt_notes_reference UNIQUE (reference),
    CONSTRAINT debt_notes_seq CHECK ((seq > 0)),
    CONSTRAINT debt_notes_sequence UNIQUE (year, seq)
);

CREATE TABLE debt_repayments (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    debt_id bigint NOT NULL,
    note_id bigint,
    request_id bigint,
    line_id bigint NOT NULL,
    amount_cents bigint NOT NULL,
    paid_at timestamp with time zone NOT NULL,
    CONSTRAINT debt_repayments_amount CHECK ((amount_cents > 0)),
    CONSTRAINT debt_repayments_by_one CHECK ((num_nonnulls(note_id, request_id) = 1)),
    CONSTRAINT debt_repayments_once UNIQUE (debt_id, line_id),
    CONSTRAINT debt_repayments_pkey PRIMARY KEY (id)
);

CREATE TABLE debt_writeoffs (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    order_id bigint NOT NULL,
    funder_id bigint NOT NULL,
    amount_cents bigint NOT NULL,
    reason text NOT NULL,
    state text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    requested_by bigint NOT NULL,
    decided_at timestamp with time zone,
    decided_by bigint,
    CONSTRAINT debt_writeoffs_amount CHECK ((amount_cents > 0)),
    CONSTRAINT debt_writeoffs_decided CHECK ((((state = 'requested'::text) = (decided_at IS NULL)) AND ((decided_at IS NULL) = (decided_by IS NULL)))),
    CONSTRAINT debt_writeoffs_pkey PRIMARY KEY (id),
    CONSTRAINT debt_writeoffs_state CHECK ((state = ANY (ARRAY['requested'::text, 'approved'::text, 'refused'::text]))),
    CONSTRAINT debt_writeoffs_two_people CHECK (((state <> 'approved'::text) OR (decided_by <> requested_by)))
);

CREATE TABLE disputes (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    checkout_id bigint NOT NULL,
    object_id text NOT NULL,
    reason text NOT NULL,
    amount_cents bigint NOT NULL,
    state text NOT NULL,
    counted_cents bigint,
    pending_cents bigint,
    fees_cents bigint,
    cost_cents bigint NOT NULL DEFAULT 0,
    cost_back_cents bigint NOT NULL DEFAULT 0,
    frozen bigint[] NOT NULL DEFAULT '{}'::bigint[],
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT disputes_amount CHECK ((amount_cents > 0)),
    CONSTRAINT disputes_closed CHECK (((state = 'open'::text) = (closed_at IS NULL))),
    CONSTRAINT disputes_cost CHECK ((cost_cents >= 0)),
    CONSTRAINT disputes_cost_back CHECK (((cost_back_cents >= 0) AND (cost_back_cents <= cost_cents))),
    CONSTRAINT disputes_counted CHECK ((counted_cents >= 0)),
    CONSTRAINT disputes_fees CHECK ((fees_cents >= 0)),
    CONSTRAINT disputes_object UNIQUE (object_id),
    CONSTRAINT disputes_pending CHECK ((pending_cents >= 0)),
    CONSTRAINT disputes_pkey PRIMARY KEY (id),
    CONSTRAINT disputes_state CHECK ((state = ANY (ARRAY['open'::text, 'won'::text, 'lost'::text, 'bounced'::text]))),
    CONSTRAINT disputes_taken CHECK ((num_nulls(counted_cents, pending_cents, fees_cents) = ANY (ARRAY[0, 3])))
);

CREATE TABLE fee_receipts (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    invoice_id bigint NOT NULL,
    line_id bigint,
    checkout_id bigint,
    amount_cents bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    CONSTRAINT fee_receipts_amount CHECK ((amount_cents > 0)),
    CONSTRAINT fee_receipts_checkout UNIQUE (checkout_id),
    CONSTRAINT fee_receipts_line UNIQUE (line_id),
    CONSTRAINT fee_receipts_pkey PRIMARY KEY (id),
    CONSTRAINT fee_receipts_source CHECK ((num_nonnulls(line_id, checkout_id) = 1))
);

CREATE TABLE fee_takebacks (
    dispute_id bigint NOT NULL,
    invoice_id bigint NOT NULL,
    amount_cents bigint NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    undone_at timestamp with time zone,
    CONSTRAINT fee_takebacks_amount CHECK ((amount_cents > 0)),
    CONSTRAINT fee_takebacks_pkey PRIMARY KEY (dispute_id)
);

CREATE TABLE files (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    organisation_id bigint,
    name text NOT NULL,
    media_type text NOT NULL,
    sha256 bytea NOT NULL,
    content bytea NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    sent_by bigint,
    CONSTRAINT files_content CHECK (((length(content) >= 1) AND (length(content) <= 5242880))),
    CONSTRAINT files_media_type CHECK ((media_type = ANY (ARRAY['application/pdf'::text, 'image/jpeg'::text, 'image/png'::text]))),
    CONSTRAINT files_name CHECK (((length(name) >= 1) AND (length(name) <= 120))),
    CONSTRAINT files_pkey PRIMARY KEY (id),
    CONSTRAINT files_sender CHECK (((organisation_id IS NULL) = (sent_by IS NULL))),
    CONSTRAINT files_sha256 CHECK ((length(sha256) = 32))
);

CREATE TABLE funder_accounts (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    funder_id bigint NOT NULL,
    iban text NOT NULL,
    bic text NOT NULL,
    holder text NOT NULL,
    given_at timestamp with time zone NOT NULL,
    given_by bigint NOT NULL,
    verified_at timestamp with time zone,
    verified_by bigint,
    replaced_at timestamp with time zone,
    CONSTRAINT funder_accounts_four_eyes CHECK ((verified_by <> given_by)),
    CONSTRAINT funder_accounts_iban CHECK ((iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'::text)),
    CONSTRAINT funder_accounts_pkey PRIMARY KEY (id),
    CONSTRAINT funder_accounts_verified CHECK (((verified_at IS NULL) = (verified_by IS NULL)))
);

CREATE TABLE guarded_balances (
    account text NOT NULL,
    balance bigint NOT NULL,
    CONSTRAINT guarded_balances_covered CHECK ((balance >= 0)),
    CONSTRAINT guarded_balances_pkey PRIMARY KEY (account)
) WITH (fillfactor=50);

CREATE TABLE idempotency_keys (
    scope bigint NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    answer text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    replays integer NOT NULL,
    CONSTRAINT idempotency_keys_length CHECK (((length(key) >= 8) AND (length(key) <= 200))),
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (scope, key)
) WITH (fillfactor=80);

CREATE TABLE invoice_numbers (
    series text NOT NULL,
    year integer NOT NULL,
    last integer NOT NULL,
    CONSTRAINT invoice_numbers_last CHECK ((last > 0)),
    CONSTRAINT invoice_numbers_pkey PRIMARY KEY (series, year),
    CONSTRAINT invoice_numbers_series CHECK ((series = ANY (ARRAY['F'::text, 'A'::text])))
);

CREATE TABLE invoices (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    series text NOT NULL,
    year integer NOT NULL,
    seq integer NOT NULL,
    number text NOT NULL,
    kind text NOT NULL,
    corrects bigint,
    order_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    funder_id bigint NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    issued_on date NOT NULL,
    due_on date NOT NULL,
    net_cents bigint NOT NULL,
    vat_bp integer NOT NULL,
    vat_cents bigint NOT NULL,
    reference text NOT NULL,
    engagement text NOT NULL,
    service_code text NOT NULL,
    snapshot jsonb NOT NULL,
    xml text NOT NULL,
    CONSTRAINT invoices_kind CHECK ((kind = ANY (ARRAY['face'::text, 'fees'::text]))),
    CONSTRAINT invoices_net CHECK ((net_cents > 0)),
    CONSTRAINT invoices_number UNIQUE (number),
    CONSTRAINT invoices_outside_vat CHECK (((kind = 'fees'::text) OR ((vat_bp = 0) AND (vat_cents = 0)))),
    CONSTRAINT invoices_pkey PRIMARY KEY (id),
    CONSTRAINT invoices_seq CHECK ((seq > 0)),
    CONSTRAINT invoices_sequence UNIQUE (series, year, seq),
    CONSTRAINT invoices_series CHECK (((series = 'A'::text) = (corrects IS NOT NULL))),
    CONSTRAINT invoices_vat CHECK ((vat_cents >= 0)),
    CONSTRAINT invoices_vat_rate CHECK (((vat_bp >= 0) AND (vat_bp <= 10000)))
);

CREATE TABLE jobs (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    unique_key text,
    payload jsonb NOT NULL,
    run_at timestamp with time zone NOT NULL,
    attempts integer NOT NULL,
    max_attempts integer NOT NULL,
    state text NOT NULL,
    lease_until timestamp with time zone,
    last_error text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT jobs_attempts CHECK (((attempts >= 0) AND (attempts <= max_attempts))),
    CONSTRAINT jobs_finished CHECK (((state = ANY (ARRAY['done'::text, 'dead'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT jobs_kind CHECK ((kind <> ''::text)),
    CONSTRAINT jobs_lease CHECK (((state = 'running'::text) = (lease_until IS NOT NULL))),
    CONSTRAINT jobs_pkey PRIMARY KEY (id),
    CONSTRAINT jobs_state CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'dead'::text]))),
    CONSTRAINT jobs_unique_key UNIQUE (unique_key)
);

CREATE TABLE joinings (
    token_hash bytea NOT NULL,
    siret text NOT NULL,
    name text NOT NULL,
    legal_form text NOT NULL,
    street text NOT NULL,
    postcode text NOT NULL,
    town text NOT NULL,
    person text NOT NULL,
    email text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT joinings_pkey PRIMARY KEY (token_hash),
    CONSTRAINT joinings_siret CHECK ((siret ~ '^[0-9]{14}$'::text))
);

CREATE TABLE label_criteria (
    kind text NOT NULL,
    version integer NOT NULL,
    form jsonb NOT NULL,
    published_at timestamp with time zone NOT NULL,
    published_by bigint,
    CONSTRAINT label_criteria_pkey PRIMARY KEY (kind, version),
    CONSTRAINT label_criteria_version CHECK ((version > 0))
);

CREATE TABLE label_kinds (
    code text NOT NULL,
    name text NOT NULL,
    summary text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT label_kinds_code CHECK ((code ~ '^[a-z][a-z0-9-]{1,30}$'::text)),
    CONSTRAINT label_kinds_name CHECK (((length(name) >= 3) AND (length(name) <= 100))),
    CONSTRAINT label_kinds_pkey PRIMARY KEY (code)
);

CREATE TABLE label_suspensions (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    label_id bigint NOT NULL,
    from_at timestamp with time zone NOT NULL,
    from_by bigint NOT NULL,
    reason text NOT NULL,
    lifted_at timestamp with time zone,
    lifted_by bigint,
    CONSTRAINT label_suspensions_lifted CHECK (((lifted_at IS NULL) = (lifted_by IS NULL))),
    CONSTRAINT label_suspensions_pkey PRIMARY KEY (id)
);

CREATE TABLE labels (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    place_id bigint NOT NULL,
    granted_at timestamp with time zone NOT NULL,
    granted_by bigint NOT NULL,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    ended_at timestamp with time zone,
    end_reason text,
    kind text NOT NULL DEFAULT 'passerelle'::text,
    suspended_at timestamp with time zone,
    CONSTRAINT labels_dates CHECK ((ends_on >= starts_on)),
    CONSTRAINT labels_end CHECK (((ended_at IS NULL) = (end_reason IS NULL))),
    CONSTRAINT labels_pkey PRIMARY KEY (id)
);

CREATE TABLE ledger_rollups (
    account text NOT NULL,
    campaign_id bigint NOT NULL,
    debited bigint NOT NULL,
    credited bigint NOT NULL,
    CONSTRAINT ledger_rollups_pkey PRIMARY KEY (account, campaign_id)
);

CREATE TABLE ledger_watermark (
    one boolean NOT NULL,
    up_to bigint NOT NULL,
    CONSTRAINT ledger_watermark_one CHECK (one),
    CONSTRAINT ledger_watermark_pkey PRIMARY KEY (one)
);

CREATE TABLE memberships (
    person_id bigint NOT NULL,
    organisation_id bigint NOT NULL,
    role text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT memberships_pkey PRIMARY KEY (person_id, organisation_id),
    CONSTRAINT memberships_role CHECK ((role = ANY (ARRAY['admin'::text, 'agent'::text, 'finance'::text, 'reader'::text])))
);

CREATE TABLE orders (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    campaign_id bigint NOT NULL,
    funder_id bigint NOT NULL,
    vouchers integer NOT NULL,
    face_cents bigint NOT NULL,
    reference text NOT NULL,
    ordered_at timestamp with time zone NOT NULL,
    ordered_by bigint NOT NULL,
    quote_id bigint,
    quote_version integer,
    accepted_name text NOT NULL DEFAULT ''::text,
    engagement text NOT NULL DEFAULT ''::text,
    service_code text NOT NULL DEFAULT ''::text,
    CONSTRAINT orders_face CHECK ((face_cents > 0)),
    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_quote UNIQUE (quote_id),
    CONSTRAINT orders_quote_version CHECK (((quote_id IS NULL) = (quote_version IS NULL))),
    CONSTRAINT orders_reference UNIQUE (reference),
    CONSTRAINT orders_vouchers CHECK (((vouchers >= 1) AND (vouchers <= 1000000)))
);

CREATE TABLE organisations (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    name text NOT NULL,
    siret text,
    email text NOT NULL,
    street text NOT NULL DEFAULT ''::text,
    postcode text NOT NULL DEFAULT ''::text,
    town text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    legal_form text NOT NULL DEFAULT ''::text,
    unverified_since timestamp with time zone,
    vat_regime text NOT NULL DEFAULT ''::text,
    CONSTRAINT organisations_kind CHECK ((kind = ANY (ARRAY['funder'::text, 'prescriber'::text, 'structure'::text, 'operator'::text]))),
    CONSTRAINT organisations_kind_siret UNIQUE (kind, siret),
    CONSTRAINT organisations_name CHECK (((length(name) >= 2) AND (length(name) <= 140))),
    CONSTRAINT organisations_pkey PRIMARY KEY (id),
    CONSTRAINT organisations_siret CHECK ((siret ~ '^[0-9]{14}$'::text)),
    CONSTRAINT organisations_vat_regime CHECK ((vat_regime = ANY (ARRAY[''::text, 'liable'::text, 'franchise'::text, 'exempt'::text])))
);

CREATE TABLE payout_parts (
    payout_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    amount_cents bigint NOT NULL,
    CONSTRAINT payout_parts_amount CHECK ((amount_cents > 0)),
    CONSTRAINT payout_parts_pkey PRIMARY KEY (payout_id, campaign_id)
);

CREATE TABLE payout_requests (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    structure_id bigint NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    asked_by bigint NOT NULL,
    payout_id bigint,
    CONSTRAINT payout_requests_pkey PRIMARY KEY (id)
);

CREATE TABLE payouts (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    settlement_id bigint NOT NULL,
    structure_id bigint NOT NULL,
    after_id bigint NOT NULL,
    up_to_id bigint NOT NULL,
    redemptions integer NOT NULL,
    amount_cents bigint NOT NULL,
    iban text NOT NULL,
    bic text NOT NULL,
    holder text NOT NULL,
    street text NOT NULL,
    postcode text NOT NULL,
    town text NOT NULL,
    end_to_end text NOT NULL,
    state text NOT NULL,
    booked_on date,
    return_reason text,
    reissued_in bigint,
    rejected_at timestamp with time zone,
    file_number integer NOT NULL DEFAULT 1,
    returned_at timestamp with time zone,
    batch_line bigint,
    connected text NOT NULL DEFAULT ''::text,
    CONSTRAINT payouts_amount CHECK ((amount_cents > 0)),
    CONSTRAINT payouts_batch_line CHECK (((batch_line IS NULL) OR (state = ANY (ARRAY['booked'::text, 'returned'::text])))),
    CONSTRAINT payouts_end_to_end UNIQUE (end_to_end),
    CONSTRAINT payouts_one_per_settlement UNIQUE (settlement_id, structure_id),
    CONSTRAINT payouts_pkey PRIMARY KEY (id),
    CONSTRAINT payouts_rejected CHECK (((state = 'rejected'::text) = (rejected_at IS NOT NULL))),
    CONSTRAINT payouts_state CHECK ((state = ANY (ARRAY['in_transit'::text, 'booked'::text, 'returned'::text, 'rejected'::text]))),
    CONSTRAINT payouts_window CHECK ((up_to_id >= after_id))
);

CREATE TABLE people (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    email text NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT people_email UNIQUE (email),
    CONSTRAINT people_email_lower CHECK ((email = lower(email))),
    CONSTRAINT people_pkey PRIMARY KEY (id)
);

CREATE TABLE place_aliases (
    source text NOT NULL,
    source_id text NOT NULL,
    place_id bigint NOT NULL,
    found_at timestamp with time zone NOT NULL,
    CONSTRAINT place_aliases_pkey PRIMARY KEY (source, source_id)
);

CREATE TABLE place_photos (
    place_id bigint NOT NULL,
    sha256 text NOT NULL,
    image bytea NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    alt text NOT NULL,
    set_at timestamp with time zone NOT NULL,
    set_by bigint NOT NULL,
    CONSTRAINT place_photos_pkey PRIMARY KEY (place_id),
    CONSTRAINT place_photos_sha256 CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);

CREATE TABLE place_reports (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    place_id bigint NOT NULL,
    field text NOT NULL,
    value text NOT NULL,
    reason text NOT NULL,
    times integer NOT NULL DEFAULT 1,
    made_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone,
    decided_by bigint,
    accepted boolean,
    answer text NOT NULL DEFAULT ''::text,
    CONSTRAINT place_reports_decided CHECK ((((decided_at IS NULL) = (accepted IS NULL)) AND ((decided_at IS NULL) = (decided_by IS NULL)))),
    CONSTRAINT place_reports_field CHECK ((field = ANY (ARRAY['hours'::text, 'phone'::text, 'email'::text, 'address'::text, 'closed'::text, 'other'::text]))),
    CONSTRAINT place_reports_pkey PRIMARY KEY (id),
    CONSTRAINT place_reports_reason CHECK ((length(reason) <= 500)),
    CONSTRAINT place_reports_value CHECK ((length(value) <= 500))
);

CREATE TABLE place_translations (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    place_id bigint NOT NULL,
    language text NOT NULL,
    texts jsonb NOT NULL,
    author text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone,
    decided_by bigint,
    accepted boolean,
    answer text NOT NULL DEFAULT ''::text,
    retracted_at timestamp with time zone,
    CONSTRAINT place_translations_author CHECK (((length(author) >= 1) AND (length(author) <= 80))),
    CONSTRAINT place_translations_decided CHECK ((((decided_at IS NULL) = (accepted IS NULL)) AND ((decided_at IS NULL) = (decided_by IS NULL)))),
    CONSTRAINT place_translations_pkey PRIMARY KEY (id)
);

CREATE TABLE places (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    source text NOT NULL,
    source_id text NOT NULL,
    siret text NOT NULL,
    structure_id bigint,
    claimed_at timestamp with time zone,
    name text NOT NULL,
    address text NOT NULL,
    postcode text NOT NULL,
    insee text NOT NULL,
    town text NOT NULL,
    epci text NOT NULL,
    departement text NOT NULL,
    lat double precision,
    lon double precision,
    phone text NOT NULL,
    email text NOT NULL,
    website text NOT NULL,
    hours text NOT NULL,
    themes text[] NOT NULL,
    presentation text NOT NULL,
    accessibility text NOT NULL,
    updated_on date,
    folded text NOT NULL,
    imported_at timestamp with time zone NOT NULL,
    corrected text[] NOT NULL DEFAULT '{}'::text[],
    corrected_at timestamp with time zone,
    other_id text NOT NULL DEFAULT ''::text,
    address_extra text NOT NULL DEFAULT ''::text,
    other_emails text[] NOT NULL DEFAULT '{}'::text[],
    other_websites text[] NOT NULL DEFAULT '{}'::text[],
    kinds text[] NOT NULL DEFAULT '{}'::text[],
    summary text NOT NULL DEFAULT ''::text,
    collected_by text NOT NULL DEFAULT ''::text,
    mobilities text[] NOT NULL DEFAULT '{}'::text[],
    parent text NOT NULL DEFAULT ''::text,
    audiences text[] NOT NULL DEFAULT '{}'::text[],
    special_care text[] NOT NULL DEFAULT '{}'::text[],
    fees text[] NOT NULL DEFAULT '{}'::text[],
    programmes text[] NOT NULL DEFAULT '{}'::text[],
    trainings text[] NOT NULL DEFAULT '{}'::text[],
    other_trainings text NOT NULL DEFAULT ''::text,
    access_ways text[] NOT NULL DEFAULT '{}'::text[],
    support_ways text[] NOT NULL DEFAULT '{}'::text[],
    booking_url text NOT NULL DEFAULT ''::text,
    languages text[] NOT NULL DEFAULT '{}'::text[],
    words tsvector NOT NULL DEFAULT to_tsvector('simple'::regconfig, folded),
    listed boolean NOT NULL DEFAULT true,
    confirmed_at timestamp with time zone,
    closed_at timestamp with time zone,
    sure_at timestamp with time zone NOT NULL DEFAULT 
CASE
    WHEN (structure_id IS NULL) THEN GREATEST(corrected_at, confirmed_at, LEAST(((updated_on)::timestamp without time zone AT TIME ZONE 'Europe/Paris'::text), imported_at))
    ELSE GREATEST(claimed_at, corrected_at, confirmed_at)
END,
    CONSTRAINT places_claim CHECK (((structure_id IS NULL) = (claimed_at IS NULL))),
    CONSTRAINT places_corrected CHECK (((corrected = '{}'::text[]) = (corrected_at IS NULL))),
    CONSTRAINT places_pkey PRIMARY KEY (id),
    CONSTRAINT places_source UNIQUE (source, source_id)
);

CREATE TABLE quote_versions (
    quote_id bigint NOT NULL,
    version integer NOT NULL,
    vouchers integer NOT NULL,
    booklet_size integer NOT NULL,
    medium text NOT NULL,
    letter_language text NOT NULL,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    tariff_id bigint,
    face_cents bigint NOT NULL,
    service_cents bigint NOT NULL,
    printing_cents bigint NOT NULL,
    vat_cents bigint NOT NULL,
    valid_until date NOT NULL,
    made_at timestamp with time zone NOT NULL,
    made_by bigint NOT NULL,
    CONSTRAINT quote_versions_booklet CHECK (((booklet_size >= 1) AND (booklet_size <= 100))),
    CONSTRAINT quote_versions_dates CHECK ((ends_on > starts_on)),
    CONSTRAINT quote_versions_face CHECK ((face_cents > 0)),
    CONSTRAINT quote_versions_free CHECK (((tariff_id IS NOT NULL) OR (((service_cents + printing_cents) + vat_cents) = 0))),
    CONSTRAINT quote_versions_language CHECK ((letter_language = ANY (ARRAY['fr'::text, 'en'::text]))),
    CONSTRAINT quote_versions_medium CHECK ((medium = ANY (ARRAY['paper'::text, 'digital'::text]))),
    CONSTRAINT quote_versions_pkey PRIMARY KEY (quote_id, version),
    CONSTRAINT quote_versions_printing CHECK ((printing_cents >= 0)),
    CONSTRAINT quote_versions_service CHECK ((service_cents >= 0)),
    CONSTRAINT quote_versions_vat CHECK ((vat_cents >= 0)),
    CONSTRAINT quote_versions_version CHECK ((version > 0)),
    CONSTRAINT quote_versions_vouchers CHECK (((vouchers >= 1) AND (vouchers <= 1000000)))
);

CREATE TABLE quotes (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    campaign_id bigint NOT NULL,
    funder_id bigint NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT quotes_pkey PRIMARY KEY (id)
);

CREATE TABLE receipts (
    line_id bigint,
    order_id bigint NOT NULL,
    funds_cents bigint NOT NULL,
    credit_cents bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    checkout_id bigint,
    rollover_id bigint,
    debt_cents bigint NOT NULL DEFAULT 0,
    claim_cents bigint NOT NULL DEFAULT 0,
    CONSTRAINT receipts_checkout UNIQUE (checkout_id),
    CONSTRAINT receipts_claim CHECK ((claim_cents >= 0)),
    CONSTRAINT receipts_credit CHECK ((credit_cents >= 0)),
    CONSTRAINT receipts_debt CHECK ((debt_cents >= 0)),
    CONSTRAINT receipts_funds CHECK ((funds_cents >= 0)),
    CONSTRAINT receipts_line UNIQUE (line_id),
    CONSTRAINT receipts_pkey PRIMARY KEY (id),
    CONSTRAINT receipts_rollover UNIQUE (rollover_id),
    CONSTRAINT receipts_source CHECK ((num_nonnulls(line_id, checkout_id, rollover_id) = 1))
);

CREATE TABLE redeemed_vouchers (
    redemption_id bigint NOT NULL,
    voucher_id bigint NOT NULL,
    undone boolean NOT NULL,
    CONSTRAINT redeemed_vouchers_pkey PRIMARY KEY (redemption_id, voucher_id)
);

CREATE TABLE redemptions (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    campaign_id bigint NOT NULL,
    booklet_id bigint NOT NULL,
    structure_id bigint NOT NULL,
    place_id bigint NOT NULL,
    person_id bigint NOT NULL,
    vouchers integer NOT NULL,
    amount_cents bigint NOT NULL,
    theme text NOT NULL,
    duration_minutes integer NOT NULL,
    mode text NOT NULL,
    undone_at timestamp with time zone,
    undone_by bigint,
    undo_reason text,
    corrected boolean NOT NULL DEFAULT false,
    CONSTRAINT redemptions_amount CHECK ((amount_cents > 0)),
    CONSTRAINT redemptions_corrected CHECK (((NOT corrected) OR (undone_at IS NOT NULL))),
    CONSTRAINT redemptions_pkey PRIMARY KEY (id),
    CONSTRAINT redemptions_undo CHECK ((((undone_at IS NULL) = (undone_by IS NULL)) AND ((undone_at IS NULL) = (undo_reason IS NULL)))),
    CONSTRAINT redemptions_vouchers CHECK ((vouchers > 0))
);

CREATE TABLE refund_files (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    account text NOT NULL,
    message_id text NOT NULL,
    approved_at timestamp with time zone NOT NULL,
    approved_by bigint NOT NULL,
    execution_on date NOT NULL,
    refunds integer NOT NULL,
    total_cents bigint NOT NULL,
    file_sha256 bytea NOT NULL,
    debtor_name text NOT NULL,
    debtor_iban text NOT NULL,
    debtor_bic text NOT NULL,
    debtor_street text NOT NULL,
    debtor_postcode text NOT NULL,
    debtor_town text NOT NULL,
    file_version text NOT NULL DEFAULT '09'::text,
    file_layout integer NOT NULL DEFAULT 1,
    CONSTRAINT refund_files_account CHECK ((account = ANY (ARRAY['segregated'::text, 'operating'::text]))),
    CONSTRAINT refund_files_file_layout CHECK ((file_layout = ANY (ARRAY[1, 2]))),
    CONSTRAINT refund_files_file_version CHECK ((file_version = ANY (ARRAY['03'::text, '09'::text]))),
    CONSTRAINT refund_files_message UNIQUE (message_id),
    CONSTRAINT refund_files_pkey PRIMARY KEY (id)
);

CREATE TABLE refund_parts (
    refund_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    amount_cents bigint NOT NULL,
    CONSTRAINT refund_parts_amount CHECK ((amount_cents > 0)),
    CONSTRAINT refund_parts_pkey PRIMARY KEY (refund_id, campaign_id)
);

CREATE TABLE refunds (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    funder_id bigint,
    amount_cents bigint NOT NULL,
    state text NOT NULL,
    account_id bigint,
    line_id bigint,
    iban text NOT NULL,
    bic text NOT NULL,
    holder text NOT NULL,
    street text NOT NULL,
    postcode text NOT NULL,
    town text NOT NULL,
    proposed_at timestamp with time zone NOT NULL,
    requested_by bigint,
    file_id bigint,
    approved_by bigint,
    end_to_end text,
    booked_on date,
    arrived_on date,
    return_reason text,
    CONSTRAINT refunds_amount CHECK ((amount_cents > 0)),
    CONSTRAINT refunds_booked CHECK ((((state = ANY (ARRAY['booked'::text, 'returned'::text])) = (booked_on IS NOT NULL)) AND ((state = ANY (ARRAY['returned'::text, 'rejected'::text])) = (return_reason IS NOT NULL)))),
    CONSTRAINT refunds_end_to_end UNIQUE (end_to_end),
    CONSTRAINT refunds_four_eyes CHECK ((approved_by <> requested_by)),
    CONSTRAINT refunds_kind CHECK ((kind = ANY (ARRAY['credit'::text, 'fees_back'::text, 'claim'::text]))),
    CONSTRAINT refunds_ordered CHECK ((((state = 'proposed'::text) = (file_id IS NULL)) AND ((file_id IS NULL) = (approved_by IS NULL)) AND ((file_id IS NULL) = (end_to_end IS NULL)))),
    CONSTRAINT refunds_payee CHECK (((kind = 'claim'::text) = (funder_id IS NULL))),
    CONSTRAINT refunds_pkey PRIMARY KEY (id),
    CONSTRAINT refunds_state CHECK ((state = ANY (ARRAY['proposed'::text, 'ordered'::text, 'booked'::text, 'returned'::text, 'rejected'::text]))),
    CONSTRAINT refunds_way CHECK ((num_nonnulls(account_id, line_id) =
CASE
    WHEN (kind = 'claim'::text) THEN 0
    ELSE 1
END))
);

CREATE TABLE rollovers (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    campaign_id bigint NOT NULL,
    funder_id bigint NOT NULL,
    order_id bigint NOT NULL,
    amount_cents bigint NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT rollovers_amount CHECK ((amount_cents > 0)),
    CONSTRAINT rollovers_pkey PRIMARY KEY (id)
);

CREATE TABLE seals (
    number bigint NOT NULL,
    from_id bigint NOT NULL,
    to_id bigint NOT NULL,
    count bigint NOT NULL,
    root bytea NOT NULL,
    previous bytea NOT NULL,
    secret bytea NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    key_id smallint NOT NULL,
    public_key bytea NOT NULL,
    signature bytea NOT NULL,
    CONSTRAINT seals_from UNIQUE (from_id),
    CONSTRAINT seals_number CHECK ((number > 0)),
    CONSTRAINT seals_pkey PRIMARY KEY (number),
    CONSTRAINT seals_previous CHECK ((length(previous) = 32)),
    CONSTRAINT seals_public_key CHECK ((length(public_key) = 32)),
    CONSTRAINT seals_range CHECK (((from_id > 0) AND (count > 0) AND (count <= ((to_id - from_id) + 1)))),
    CONSTRAINT seals_root CHECK ((length(root) = 32)),
    CONSTRAINT seals_secret CHECK ((length(secret) = 32)),
    CONSTRAINT seals_signature CHECK ((length(signature) = 64)),
    CONSTRAINT seals_to UNIQUE (to_id)
);

CREATE TABLE services (
    place_id bigint NOT NULL,
    theme text NOT NULL,
    price_vouchers integer NOT NULL,
    duration_minutes integer NOT NULL,
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    title text NOT NULL DEFAULT ''::text,
    description text NOT NULL DEFAULT ''::text,
    topics text[] NOT NULL DEFAULT '{}'::text[],
    level text NOT NULL DEFAULT ''::text,
    modes text[] NOT NULL DEFAULT '{}'::text[],
    audiences text[] NOT NULL DEFAULT '{}'::text[],
    extra_cents bigint NOT NULL DEFAULT 0,
    meetings integer NOT NULL DEFAULT 1,
    withdrawn_at timestamp with time zone,
    words tsvector NOT NULL DEFAULT to_tsvector('simple'::regconfig, unaccented(((title || ' '::text) || description))),
    CONSTRAINT services_duration CHECK (((duration_minutes >= 5) AND (duration_minutes <= 600))),
    CONSTRAINT services_extra CHECK (((extra_cents >= 0) AND (extra_cents <= 100000))),
    CONSTRAINT services_level CHECK ((level = ANY (ARRAY[''::text, 'beginner'::text, 'intermediate'::text, 'advanced'::text]))),
    CONSTRAINT services_meetings CHECK (((meetings >= 1) AND (meetings <= 30))),
    CONSTRAINT services_modes CHECK ((modes <@ '{individual,group,remote,self_service}'::text[])),
    CONSTRAINT services_pkey PRIMARY KEY (id),
    CONSTRAINT services_price CHECK (((price_vouchers >= 0) AND (price_vouchers <= 127)))
);

CREATE TABLE sessions (
    token_hash bytea NOT NULL,
    person_id bigint NOT NULL,
    organisation_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (token_hash)
);

CREATE TABLE settlement_files (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    settlement_id bigint NOT NULL,
    number integer NOT NULL,
    message_id text NOT NULL,
    payouts integer NOT NULL,
    total_cents bigint NOT NULL,
    sha256 bytea NOT NULL,
    taken_at timestamp with time zone,
    CONSTRAINT settlement_files_message UNIQUE (message_id),
    CONSTRAINT settlement_files_number CHECK ((number > 0)),
    CONSTRAINT settlement_files_numbered UNIQUE (settlement_id, number),
    CONSTRAINT settlement_files_payouts CHECK ((payouts > 0)),
    CONSTRAINT settlement_files_pkey PRIMARY KEY (id),
    CONSTRAINT settlement_files_total CHECK ((total_cents > 0))
);

CREATE TABLE settlement_topups (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    settlement_id bigint NOT NULL,
    file_number integer NOT NULL,
    amount_cents bigint NOT NULL,
    end_to_end text NOT NULL,
    holder text NOT NULL,
    iban text NOT NULL,
    bic text NOT NULL,
    town text NOT NULL,
    country text NOT NULL,
    reference text NOT NULL,
    state text NOT NULL,
    booked_on date,
    batch_line bigint,
    topup text,
    CONSTRAINT settlement_topups_amount CHECK ((amount_cents > 0)),
    CONSTRAINT settlement_topups_batch_line CHECK (((batch_line IS NULL) OR (state = ANY (ARRAY['booked'::text, 'returned'::text])))),
    CONSTRAINT settlement_topups_end_to_end UNIQUE (end_to_end),
    CONSTRAINT settlement_topups_one UNIQUE (settlement_id),
    CONSTRAINT settlement_topups_pkey PRIMARY KEY (id),
    CONSTRAINT settlement_topups_state CHECK ((state = ANY (ARRAY['in_transit'::text, 'booked'::text, 'returned'::text, 'rejected'::text]))),
    CONSTRAINT settlement_topups_topup UNIQUE (topup)
);

CREATE TABLE settlements (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    message_id text NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    closed_by bigint,
    execution_on date NOT NULL,
    payouts integer NOT NULL,
    total_cents bigint NOT NULL,
    file_sha256 bytea NOT NULL,
    debtor_name text NOT NULL,
    debtor_iban text NOT NULL,
    debtor_bic text NOT NULL,
    debtor_street text NOT NULL,
    debtor_postcode text NOT NULL,
    debtor_town text NOT NULL,
    approved_at timestamp with time zone,
    approved_by bigint,
    taken_at timestamp with time zone,
    sent_at timestamp with time zone,
    cancelled_at timestamp with time zone,
    cancelled_by bigint,
    cancel_reason text NOT NULL DEFAULT ''::text,
    file_version text NOT NULL DEFAULT '09'::text,
    file_layout integer NOT NULL DEFAULT 1,
    category_purpose text NOT NULL DEFAULT ''::text,
    batch_booking boolean NOT NULL DEFAULT false,
    CONSTRAINT settlements_cancelled CHECK ((((cancelled_at IS NULL) = (cancelled_by IS NULL)) AND ((cancelled_at IS NULL) OR (taken_at IS NULL)))),
    CONSTRAINT settlements_category_purpose CHECK ((category_purpose ~ '^([A-Z]{4})?$'::text)),
    CONSTRAINT settlements_file_layout CHECK ((file_layout = ANY (ARRAY[1, 2]))),
    CONSTRAINT settlements_file_version CHECK ((file_version = ANY (ARRAY['03'::text, '09'::text]))),
    CONSTRAINT settlements_in_order CHECK ((((taken_at IS NULL) OR (approved_at IS NOT NULL)) AND ((sent_at IS NULL) OR (taken_at IS NOT NULL)))),
    CONSTRAINT settlements_message UNIQUE (message_id),
    CONSTRAINT settlements_pkey PRIMARY KEY (id),
    CONSTRAINT settlements_two_people CHECK ((approved_by <> closed_by))
);

CREATE TABLE statement_files (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    sha256 bytea NOT NULL,
    body bytea,
    statements integer NOT NULL,
    lines integer NOT NULL,
    lines_done integer NOT NULL DEFAULT 0,
    sent_at timestamp with time zone NOT NULL,
    sent_by bigint NOT NULL,
    done_at timestamp with time zone,
    CONSTRAINT statement_files_done CHECK (((done_at IS NULL) = (body IS NOT NULL))),
    CONSTRAINT statement_files_pkey PRIMARY KEY (id)
);

CREATE TABLE statement_lines (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    statement_id bigint NOT NULL,
    identity text NOT NULL,
    booked_on date NOT NULL,
    amount_cents bigint NOT NULL,
    credit boolean NOT NULL,
    end_to_end text NOT NULL,
    counterparty text NOT NULL,
    counterparty_iban text NOT NULL,
    remittance text NOT NULL,
    return_reason text NOT NULL,
    outcome text NOT NULL,
    cause bigint,
    batch_count integer,
    CONSTRAINT statement_lines_amount CHECK ((amount_cents > 0)),
    CONSTRAINT statement_lines_explained CHECK (((cause IS NULL) = (outcome = ANY (ARRAY['unattributed'::text, 'unexpected_debit'::text, 'operating_other'::text])))),
    CONSTRAINT statement_lines_once UNIQUE (identity),
    CONSTRAINT statement_lines_outcome CHECK ((outcome = ANY (ARRAY['order_funded'::text, 'unattributed'::text, 'payout_booked'::text, 'payout_returned'::text, 'unexpected_debit'::text, 'payment_returned'::text, 'topped_up'::text, 'fees_paid'::text, 'card_banked'::text, 'stripe_payout'::text, 'refund_booked'::text, 'refund_returned'::text, 'claim_booked'::text, 'claim_returned'::text, 'claim_arrived'::text, 'fees_back_booked'::text, 'fees_back_returned'::text, 'debt_paid'::text, 'operating_other'::text, 'debt_repaid'::text, 'batch_booked'::text, 'payouts_funded'::text, 'payouts_unfunded'::text, 'payouts_home'::text]))),
    CONSTRAINT statement_lines_pkey PRIMARY KEY (id)
);

CREATE TABLE statements (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    iban text NOT NULL,
    kind text NOT NULL DEFAULT 'camt.053'::text,
    reference text NOT NULL,
    sha256 bytea NOT NULL,
    part integer NOT NULL,
    opening_cents bigint,
    closing_cents bigint,
    closing_on date,
    complete boolean NOT NULL DEFAULT true,
    known integer NOT NULL DEFAULT 0,
    pending integer NOT NULL DEFAULT 0,
    imported_at timestamp with time zone NOT NULL,
    imported_by bigint NOT NULL,
    account text NOT NULL DEFAULT 'segregated'::text,
    CONSTRAINT statements_account CHECK ((account = ANY (ARRAY['segregated'::text, 'operating'::text]))),
    CONSTRAINT statements_closing CHECK (((closing_cents IS NULL) = (closing_on IS NULL))),
    CONSTRAINT statements_kind CHECK ((kind = ANY (ARRAY['camt.053'::text, 'camt.054'::text]))),
    CONSTRAINT statements_once UNIQUE (sha256, part),
    CONSTRAINT statements_pkey PRIMARY KEY (id)
);

CREATE TABLE stripe_events (
    id text NOT NULL,
    type text NOT NULL,
    kind text NOT NULL,
    object_id text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    CONSTRAINT stripe_events_pkey PRIMARY KEY (id)
);

CREATE TABLE stripe_payouts (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    checkout_id bigint,
    amount_cents bigint NOT NULL,
    reference text NOT NULL,
    attempt integer NOT NULL DEFAULT 1,
    payout text,
    state text NOT NULL,
    problem text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    line_id bigint,
    back_of bigint,
    CONSTRAINT stripe_payouts_amount CHECK ((amount_cents > 0)),
    CONSTRAINT stripe_payouts_back_once UNIQUE (back_of),
    CONSTRAINT stripe_payouts_banked CHECK (((state = 'banked'::text) = (line_id IS NOT NULL))),
    CONSTRAINT stripe_payouts_checkout UNIQUE (checkout_id),
    CONSTRAINT stripe_payouts_line UNIQUE (line_id),
    CONSTRAINT stripe_payouts_one_purpose CHECK (((checkout_id IS NULL) OR (back_of IS NULL))),
    CONSTRAINT stripe_payouts_payout UNIQUE (payout),
    CONSTRAINT stripe_payouts_pkey PRIMARY KEY (id),
    CONSTRAINT stripe_payouts_reference UNIQUE (reference),
    CONSTRAINT stripe_payouts_state CHECK ((state = ANY (ARRAY['asked'::text, 'waiting'::text, 'sent'::text, 'paid'::text, 'banked'::text])))
);

CREATE TABLE takebacks (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    order_id bigint NOT NULL,
    line_id bigint,
    card_refund_id bigint,
    dispute_id bigint,
    funds_cents bigint NOT NULL,
    debt_cents bigint NOT NULL,
    topped_up_cents bigint NOT NULL DEFAULT 0,
    taken_at timestamp with time zone NOT NULL,
    undone_at timestamp with time zone,
    credit_cents bigint NOT NULL DEFAULT 0,
    paid_cents bigint NOT NULL DEFAULT 0,
    back_cents bigint NOT NULL DEFAULT 0,
    forgiven_back_cents bigint NOT NULL DEFAULT 0,
    CONSTRAINT takebacks_back CHECK (((back_cents >= 0) AND (back_cents <= paid_cents))),
    CONSTRAINT takebacks_card_refund UNIQUE (card_refund_id),
    CONSTRAINT takebacks_credit CHECK ((credit_cents >= 0)),
    CONSTRAINT takebacks_debt CHECK ((debt_cents >= 0)),
    CONSTRAINT takebacks_dispute UNIQUE (dispute_id),
    CONSTRAINT takebacks_forgiven_back CHECK (((forgiven_back_cents >= 0) AND ((paid_cents + forgiven_back_cents) <= debt_cents))),
    CONSTRAINT takebacks_funds CHECK ((funds_cents >= 0)),
    CONSTRAINT takebacks_line UNIQUE (line_id),
    CONSTRAINT takebacks_paid CHECK (((paid_cents >= 0) AND (paid_cents <= debt_cents))),
    CONSTRAINT takebacks_pkey PRIMARY KEY (id),
    CONSTRAINT takebacks_source CHECK ((num_nonnulls(line_id, card_refund_id, dispute_id) = 1)),
    CONSTRAINT takebacks_topped_up CHECK (((topped_up_cents >= 0) AND (topped_up_cents <= debt_cents)))
);

CREATE TABLE tariffs (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    from_on date NOT NULL,
    fee_bp integer NOT NULL,
    booklet_cents bigint NOT NULL,
    vat_bp integer NOT NULL,
    validity_days integer NOT NULL,
    fees_refunded boolean NOT NULL,
    terms text NOT NULL,
    published_at timestamp with time zone NOT NULL,
    published_by bigint NOT NULL,
    CONSTRAINT tariffs_booklet CHECK (((booklet_cents >= 0) AND (booklet_cents <= 100000))),
    CONSTRAINT tariffs_fee CHECK (((fee_bp >= 0) AND (fee_bp <= 10000))),
    CONSTRAINT tariffs_pkey PRIMARY KEY (id),
    CONSTRAINT tariffs_terms CHECK ((terms <> ''::text)),
    CONSTRAINT tariffs_validity CHECK (((validity_days >= 1) AND (validity_days <= 365))),
    CONSTRAINT tariffs_vat CHECK (((vat_bp >= 0) AND (vat_bp <= 10000)))
);

CREATE TABLE throttle (
    bucket text NOT NULL,
    window_start timestamp with time zone NOT NULL,
    count integer NOT NULL,
    CONSTRAINT throttle_count CHECK ((count > 0)),
    CONSTRAINT throttle_pkey PRIMARY KEY (bucket, window_start)
);

CREATE TABLE transfers (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    at timestamp with time zone NOT NULL,
    event text NOT NULL,
    cause bigint NOT NULL,
    debit text NOT NULL,
    credit text NOT NULL,
    amount bigint NOT NULL,
    campaign_id bigint NOT NULL,
    CONSTRAINT transfers_amount CHECK ((amount > 0)),
    CONSTRAINT transfers_event CHECK ((event = ANY (ARRAY['receipt'::text, 'attribution'::text, 'unexpected_debit'::text, 'handover'::text, 'redemption'::text, 'undo'::text, 'expiry'::text, 'settlement'::text, 'payout_booked'::text, 'payout_returned'::text, 'fees_invoiced'::text, 'fees_paid'::text, 'operating_line'::text, 'payment_returned'::text, 'topped_up'::text, 'card_paid'::text, 'card_cost'::text, 'card_fees'::text, 'card_counted'::text, 'card_banked'::text, 'stripe_payout'::text, 'card_refunded'::text, 'disputed'::text, 'dispute_won'::text, 'debt_secured'::text, 'debt_released'::text, 'debt_paid'::text, 'debt_forgiven'::text, 'campaign_closed'::text, 'rolled_over'::text, 'refund_ordered'::text, 'refund_booked'::text, 'refund_returned'::text, 'claim_ordered'::text, 'claim_booked'::text, 'claim_returned'::text, 'claim_arrived'::text, 'fees_back_ordered'::text, 'fees_back_returned'::text, 'payout_rejected'::text, 'refund_rejected'::text, 'claim_rejected'::text, 'fees_back_rejected'::text, 'withheld'::text, 'released'::text, 'given_back'::text, 'clawed_back'::text, 'debt_netted'::text, 'debt_repaid'::text, 'structure_forgiven'::text, 'payouts_funded'::text, 'payouts_unfunded'::text, 'payouts_home'::text, 'connect_paid'::text, 'connect_returned'::text]))),
    CONSTRAINT transfers_pkey PRIMARY KEY (id),
    CONSTRAINT transfers_two_accounts CHECK ((debit <> credit))
);

CREATE TABLE vouchers (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    booklet_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    face_cents bigint NOT NULL,
    state text NOT NULL,
    held_for bigint,
    held_until timestamp with time zone,
    CONSTRAINT vouchers_held CHECK (((held_for IS NULL) = (held_until IS NULL))),
    CONSTRAINT vouchers_pkey PRIMARY KEY (id),
    CONSTRAINT vouchers_state CHECK ((state = ANY (ARRAY['reserved'::text, 'live'::text, 'redeemed'::text, 'frozen'::text, 'replaced'::text, 'expired'::text, 'returned'::text])))
) WITH (fillfactor=80);

ALTER TABLE adjustments ADD CONSTRAINT adjustments_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id);

ALTER TABLE adjustments ADD CONSTRAINT adjustments_debt FOREIGN KEY (debt_id) REFERENCES corrections(id);

ALTER TABLE adjustments ADD CONSTRAINT adjustments_made_by FOREIGN KEY (made_by) REFERENCES people(id);

ALTER TABLE adjustments ADD CONSTRAINT adjustments_payout FOREIGN KEY (payout_id) REFERENCES payouts(id);

ALTER TABLE adjustments ADD CONSTRAINT adjustments_structure FOREIGN KEY (structure_id) REFERENCES organisations(id);

ALTER TABLE agenda_feeds ADD CONSTRAINT agenda_feeds_person FOREIGN KEY (person_id) REFERENCES people(id);

ALTER TABLE agenda_feeds ADD CONSTRAINT agenda_feeds_structure FOREIGN KEY (structure_id) REFERENCES organisations(id);

ALTER TABLE agenda_meetings ADD CONSTRAINT agenda_meetings_session FOREIGN KEY (session_id) REFERENCES agenda_sessions(id);

ALTER TABLE agenda_sessions ADD CONSTRAINT agenda_sessions_mediator FOREIGN KEY (mediator_id) REFERENCES people(id);

ALTER TABLE agenda_sessions ADD CONSTRAINT agenda_sessions_place FOREIGN KEY (place_id) REFERENCES places(id);

ALTER TABLE agenda_sessions ADD CONSTRAINT agenda_sessions_published_by FOREIGN KEY (published_by) REFERENCES people(id);

ALTER TABLE agenda_sessions ADD CONSTRAINT agenda_sessions_service FOREIGN KEY (service_id) REFERENCES services(id);

ALTER TABLE allocations ADD CONSTRAINT allocations_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id);

ALTER TABLE allocations ADD CONSTRAINT allocations_prescriber FOREIGN KEY (prescriber_id) REFERENCES organisations(id);

ALTER TABLE api_tokens ADD CONSTRAINT api_tokens_organisation FOREIGN KEY (organisation_id) REFERENCES organisations(id);

ALTER TABLE api_tokens ADD CONSTRAINT api_tokens_person FOREIGN KEY (person_id) REFERENCES people(id);

ALTER TABLE application_events ADD CONSTRAINT application_events_application FOREIGN KEY (application_id) REFERENCES applications(id);

ALTER TABLE application_events ADD CONSTRAINT application_events_person FOREIGN KEY (person_id) REFERENCES people(id);

ALTER TABLE application_proofs ADD CONSTRAINT application_proofs_application FOREIGN KEY (application_id) REFERENCES applications(id);

ALTER TABLE application_proofs ADD CONSTRAINT application_proofs_file FOREIGN KEY (file_id) REFERENCES files(id);

ALTER TABLE applications ADD CONSTRAINT applications_confirmed_by FOREIGN KEY (confirmed_by) REFERENCES people(id);

ALTER TABLE applications ADD CONSTRAINT applications_criteria FOREIGN KEY (kind, version) REFERENCES label_criteria(kind, version);

ALTER TABLE applications ADD CONSTRAINT applications_label FOREIGN KEY (label_id) REFERENCES labels(id);

ALTER TABLE applications ADD CONSTRAINT applications_place FOREIGN KEY (place_id) REFERENCES places(id);

ALTER TABLE applications ADD CONSTRAINT applications_reviewed_by FOREIGN KEY (reviewed_by) REFERENCES people(id);

ALTER TABLE applications ADD CONSTRAINT applications_started_by FOREIGN KEY (started_by) REFERENCES people(id);

ALTER TABLE applications ADD CONSTRAINT applications_structure FOREIGN KEY (structure_id) REFERENCES organisations(id);

ALTER TABLE bank_answer_lines ADD CONSTRAINT bank_answer_lines_answer FOREIGN KEY (answer_id) REFERENCES bank_answers(id);

ALTER TABLE bank_answers ADD CONSTRAINT bank_answers_imported_by FOREIGN KEY (imported_by) REFERENCES people(id);

ALTER TABLE bank_cases ADD CONSTRAINT bank_cases_decided_by FOREIGN KEY (decided_by) REFERENCES people(id);

ALTER TABLE bank_cases ADD CONSTRAINT bank_cases_line FOREIGN KEY (line_id) REFERENCES statement_lines(id);

ALTER TABLE bank_cases ADD CONSTRAINT bank_cases_pair_id_fkey FOREIGN KEY (pair_id) REFERENCES statement_lines(id);

ALTER TABLE bank_details ADD CONSTRAINT bank_details_approved_by FOREIGN KEY (approved_by) REFERENCES people(id);

ALTER TABLE bank_details ADD CONSTRAINT bank_details_created_by FOREIGN KEY (created_by) REFERENCES people(id);

ALTER TABLE bank_details ADD CONSTRAINT bank_details_ended_by FOREIGN KEY (ended_by) REFERENCES people(id);

ALTER TABLE bank_details ADD CONSTRAINT bank_details_proof FOREIGN KEY (proof_id) REFERENCES files(id);

ALTER TABLE bank_details ADD CONSTRAINT bank_details_structure FOREIGN KEY (structure_id) REFERENCES organisations(id);

ALTER TABLE bank_details ADD CONSTRAINT bank_details_verified_by FOREIGN KEY (verified_by) REFERENCES people(id);

ALTER TABLE bookings ADD CONSTRAINT bookings_booklet FOREIGN KEY (booklet_id) REFERENCES booklets(id);

ALTER TABLE bookings ADD CONSTRAINT bookings_person FOREIGN KEY (person_id) REFERENCES people(id);

ALTER TABLE bookings ADD CONSTRAINT bookings_session FOREIGN KEY (session_id) REFERENCES agenda_sessions(id);

ALTER TABLE booklets ADD CONSTRAINT booklets_allocation FOREIGN KEY (allocation_id) REFERENCES allocations(id);

ALTER TABLE booklets ADD CONSTRAINT booklets_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id);

ALTER TABLE booklets ADD CONSTRAINT booklets_handed_over_by FOREIGN KEY (handed_over_by) REFERENCES people(id);

ALTER TABLE booklets ADD CONSTRAINT booklets_prescriber FOREIGN KEY (prescriber_id) REFERENCES organisations(id);

ALTER TABLE campaign_extensions ADD CONSTRAINT campaign_extensions_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id);

ALTER TABLE campaign_extensions ADD CONSTRAINT campaign_extensions_decided_by FOREIGN KEY (decided_by) REFERENCES people(id);

ALTER TABLE campaign_shares ADD CONSTRAINT campaign_shares_agreed_by FOREIGN KEY (agreed_by) REFERENCES people(id);

ALTER TABLE campaign_shares ADD CONSTRAINT campaign_shares_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id);

ALTER TABLE campaign_shares ADD CONSTRAINT campaign_shares_funder FOREIGN KEY (funder_id) REFERENCES organisations(id);

ALTER TABLE campaigns ADD CONSTRAINT campaigns_created_by FOREIGN KEY (created_by) REFERENCES people(id);

ALTER TABLE campaigns ADD CONSTRAINT campaigns_funder FOREIGN KEY (funder_id) REFERENCES organisations(id);

ALTER TABLE card_refunds ADD CONSTRAINT card_refunds_checkout FOREIGN KEY (checkout_id) REFERENCES checkouts(id);

ALTER TABLE card_refunds ADD CONSTRAINT card_refunds_created_by FOREIGN KEY (created_by) REFERENCES people(id);

ALTER TABLE checkouts ADD CONSTRAINT checkouts_created_by FOREIGN KEY (created_by) REFERENCES people(id);

ALTER TABLE checkouts ADD CONSTRAINT checkouts_invoice FOREIGN KEY (invoice_id) REFERENCES invoices(id);

ALTER TABLE checkouts ADD CONSTRAINT checkouts_order FOREIGN KEY (order_id) REFERENCES orders(id);

ALTER TABLE chorus_deposits ADD CONSTRAINT chorus_deposits_by FOREIGN KEY (by) REFERENCES people(id);

ALTER TABLE chorus_deposits ADD CONSTRAINT chorus_deposits_invoice FOREIGN KEY (invoice_id) REFERENCES invoices(id);

ALTER TABLE claim_uses ADD CONSTRAINT claim_uses_funder FOREIGN KEY (funder_id) REFERENCES organisations(id);

ALTER TABLE claim_uses ADD CONSTRAINT claim_uses_refund FOREIGN KEY (refund_id) REFERENCES refunds(id);

ALTER TABLE closing_parts ADD CONSTRAINT closing_parts_closing FOREIGN KEY (closing_id) REFERENCES closings(id);

ALTER TABLE closing_parts ADD CONSTRAINT closing_parts_funder FOREIGN KEY (funder_id) REFERENCES organisations(id);

ALTER TABLE closings ADD CONSTRAINT closings_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id);

ALTER TABLE closings ADD CONSTRAINT closings_closed_by FOREIGN KEY (closed_by) REFERENCES people(id);

ALTER TABLE complaint_proofs ADD CONSTRAINT complaint_proofs_complaint FOREIGN KEY (complaint_id) REFERENCES complaints(id);

ALTER TABLE complaint_proofs ADD CONSTRAINT complaint_proofs_file FOREIGN KEY (file_id) REFERENCES files(id);

ALTER TABLE complaints ADD CONSTRAINT complaints_answered_by FOREIGN KEY (answered_by) REFERENCES people(id);

ALTER TABLE complaints ADD CONSTRAINT complaints_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id);

ALTER TABLE complaints ADD CONSTRAINT complaints_correction FOREIGN KEY (correction_id) REFERENCES corrections(id);

ALTER TABLE complaints ADD CONSTRAINT complaints_decided_by FOREIGN KEY (decided_by) REFERENCES people(id);

ALTER TABLE complaints ADD CONSTRAINT complaints_opened_by FOREIGN KEY (opened_by) REFERENCES people(id);

ALTER TABLE complaints ADD CONSTRAINT complaints_organisation FOREIGN KEY (organisation_id) REFERENCES organisations(id);

ALTER TABLE complaints ADD CONSTRAINT complaints_structure FOREIGN KEY (structure_id) REFERENCES organisations(id);

ALTER TABLE connect_accounts ADD CONSTRAINT connect_accounts_approved_by FOREIGN KEY (approved_by) REFERENCES people(id);

ALTER TABLE connect_accounts ADD CONSTRAINT connect_accounts_created_by FOREIGN KEY (created_by) REFERENCES people(id);

ALTER TABLE connect_accounts ADD CONSTRAINT connect_accounts_ended_by FOREIGN KEY (ended_by) REFERENCES people(id);

ALTER TABLE connect_accounts ADD CONSTRAINT connect_accounts_structure FOREIGN KEY (structure_id) REFERENCES organisations(id);

ALTER TABLE connect_transfers ADD CONSTRAINT connect_transfers_of_payout FOREIGN KEY (payout_id) REFERENCES payouts(id);

ALTER TABLE continuity_exports ADD CONSTRAINT continuity_exports_made_by FOREIGN KEY (made_by) REFERENCES people(id);

ALTER TABLE contribution_followers ADD CONSTRAINT contribution_followers_report FOREIGN KEY (report_id) REFERENCES place_reports(id);

ALTER TABLE contribution_followers ADD CONSTRAINT contribution_followers_translation FOREIGN KEY (translation_id) REFERENCES place_translations(id);

ALTER TABLE correction_requests ADD CONSTRAINT correction_requests_debt FOREIGN KEY (debt_id) REFERENCES corrections(id);

ALTER TABLE correction_requests ADD CONSTRAINT correction_requests_decided_by FOREIGN KEY (decided_by) REFERENCES people(id);

ALTER TABLE correction_requests ADD CONSTRAINT correction_requests_requested_by FOREIGN KEY (requested_by) REFERENCES people(id);

ALTER TABLE correction_requests ADD CONSTRAINT correction_requests_structure FOREIGN KEY (structure_id) REFERENCES organisations(id);

ALTER TABLE corrections ADD CONSTRAINT corrections_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id);

ALTER TABLE corrections ADD CONSTRAINT corrections_made_by FOREIGN KEY (made_by) REFERENCES people(id);

ALTER TABLE corrections ADD CONSTRAINT corrections_structure FOREIGN KEY (structure_id) REFERENCES organisations(id);

ALTER TABLE credit_choices ADD CONSTRAINT credit_choices_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id);

ALTER TABLE credit_choices ADD CONSTRAINT credit_choices_chosen_by FOREIGN KEY (chosen_by) REFERENCES people(id);

ALTER TABLE credit_choices ADD CONSTRAINT credit_choices_funder FOREIGN KEY (funder_id) REFERENCES organisations(id);

ALTER TABLE credit_choices ADD CONSTRAINT credit_choices_to FOREIGN KEY (to_campaign_id) REFERENCES campaigns(id);

ALTER TABLE debt_note_lines ADD CONSTRAINT debt_note_lines_debt FOREIGN KEY (debt_id) REFERENCES corrections(id);

ALTER TABLE debt_note_lines ADD CONSTRAINT debt_note_lines_note FOREIGN KEY (note_id) REFERENCES debt_notes(id);

ALTER TABLE debt_notes ADD CONSTRAINT debt_notes_structure FOREIGN KEY (structure_id) REFERENCES organisations(id);

ALTER TABLE debt_repayments ADD CONSTRAINT debt_repayments_debt FOREIGN KEY (debt_id) REFERENCES corrections(id);

ALTER TABLE debt_repayments ADD CONSTRAINT debt_repayments_note FOREIGN KEY (note_id) REFERENCES debt_notes(id);

ALTER TABLE debt_repayments ADD CONSTRAINT debt_repayments_request FOREIGN KEY (request_id) REFERENCES correction_requests(id);

ALTER TABLE debt_writeoffs ADD CONSTRAINT debt_writeoffs_decided_by FOREIGN KEY (decided_by) REFERENCES people(id);

ALTER TABLE debt_writeoffs ADD CONSTRAINT debt_writeoffs_funder FOREIGN KEY (funder_id) REFERENCES organisations(id);

ALTER TABLE debt_writeoffs ADD CONSTRAINT debt_writeoffs_order FOREIGN KEY (order_id) REFERENCES orders(id);

ALTER TABLE debt_writeoffs ADD CONSTRAINT debt_writeoffs_requested_by FOREIGN KEY (requested_by) REFERENCES people(id);

ALTER TABLE disputes ADD CONSTRAINT disputes_checkout FOREIGN KEY (checkout_id) REFERENCES checkouts(id);

ALTER TABLE fee_receipts ADD CONSTRAINT fee_receipts_invoice FOREIGN KEY (invoice_id) REFERENCES invoices(id);

ALTER TABLE fee_takebacks ADD CONSTRAINT fee_takebacks_invoice FOREIGN KEY (invoice_id) REFERENCES invoices(id);

ALTER TABLE files ADD CONSTRAINT files_organisation FOREIGN KEY (organisation_id) REFERENCES organisations(id);

ALTER TABLE files ADD CONSTRAINT files_sent_by FOREIGN KEY (sent_by) REFERENCES people(id);

ALTER TABLE funder_accounts ADD CONSTRAINT funder_accounts_funder FOREIGN KEY (funder_id) REFERENCES organisations(id);

ALTER TABLE funder_accounts ADD CONSTRAINT funder_accounts_given_by FOREIGN KEY (given_by) REFERENCES people(id);

ALTER TABLE funder_accounts ADD CONSTRAINT funder_accounts_verified_by FOREIGN KEY (verified_by) REFERENCES people(id);

ALTER TABLE invoices ADD CONSTRAINT invoices_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id);

ALTER TABLE invoices ADD CONSTRAINT invoices_corrects FOREIGN KEY (corrects) REFERENCES invoices(id);

ALTER TABLE invoices ADD CONSTRAINT invoices_funder FOREIGN KEY (funder_id) REFERENCES organisations(id);

ALTER TABLE invoices ADD CONSTRAINT invoices_order FOREIGN KEY (order_id) REFERENCES orders(id);

ALTER TABLE label_criteria ADD CONSTRAINT label_criteria_kind FOREIGN KEY (kind) REFERENCES label_kinds(code);

ALTER TABLE label_criteria ADD CONSTRAINT label_criteria_published_by FOREIGN KEY (published_by) REFERENCES people(id);

ALTER TABLE label_suspensions ADD CONSTRAINT label_suspensions_from_by FOREIGN KEY (from_by) REFERENCES people(id);

ALTER TABLE label_suspensions ADD CONSTRAINT label_suspensions_label FOREIGN KEY (label_id) REFERENCES labels(id);

ALTER TABLE label_suspensions ADD CONSTRAINT label_suspensions_lifted_by FOREIGN KEY (lifted_by) REFERENCES people(id);

ALTER TABLE labels ADD CONSTRAINT labels_granted_by FOREIGN KEY (granted_by) REFERENCES people(id);

ALTER TABLE labels ADD CONSTRAINT labels_kind FOREIGN KEY (kind) REFERENCES label_kinds(code);

ALTER TABLE labels ADD CONSTRAINT labels_place FOREIGN KEY (place_id) REFERENCES places(id);

ALTER TABLE memberships ADD CONSTRAINT memberships_organisation FOREIGN KEY (organisation_id) REFERENCES organisations(id);

ALTER TABLE memberships ADD CONSTRAINT memberships_person FOREIGN KEY (person_id) REFERENCES people(id);

ALTER TABLE orders ADD CONSTRAINT orders_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id);

ALTER TABLE orders ADD CONSTRAINT orders_funder FOREIGN KEY (funder_id) REFERENCES organisations(id);

ALTER TABLE orders ADD CONSTRAINT orders_ordered_by FOREIGN KEY (ordered_by) REFERENCES people(id);

ALTER TABLE orders ADD CONSTRAINT orders_quoted FOREIGN KEY (quote_id, quote_version) REFERENCES quote_versions(quote_id, version);

ALTER TABLE payout_parts ADD CONSTRAINT payout_parts_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id);

ALTER TABLE payout_parts ADD CONSTRAINT payout_parts_payout FOREIGN KEY (payout_id) REFERENCES payouts(id);

ALTER TABLE payout_requests ADD CONSTRAINT payout_requests_payout FOREIGN KEY (payout_id) REFERENCES payouts(id);

ALTER TABLE payout_requests ADD CONSTRAINT payout_requests_person FOREIGN KEY (asked_by) REFERENCES people(id);

ALTER TABLE payout_requests ADD CONSTRAINT payout_requests_structure FOREIGN KEY (structure_id) REFERENCES organisations(id);

ALTER TABLE payouts ADD CONSTRAINT payouts_reissued FOREIGN KEY (reissued_in) REFERENCES payouts(id);

ALTER TABLE payouts ADD CONSTRAINT payouts_settlement FOREIGN KEY (settlement_id) REFERENCES settlements(id);

ALTER TABLE payouts ADD CONSTRAINT payouts_structure FOREIGN KEY (structure_id) REFERENCES organisations(id);

ALTER TABLE place_aliases ADD CONSTRAINT place_aliases_place FOREIGN KEY (place_id) REFERENCES places(id);

ALTER TABLE place_photos ADD CONSTRAINT place_photos_place FOREIGN KEY (place_id) REFERENCES places(id);

ALTER TABLE place_photos ADD CONSTRAINT place_photos_set_by FOREIGN KEY (set_by) REFERENCES people(id);

ALTER TABLE place_reports ADD CONSTRAINT place_reports_decided_by FOREIGN KEY (decided_by) REFERENCES people(id);

ALTER TABLE place_reports ADD CONSTRAINT place_reports_place FOREIGN KEY (place_id) REFERENCES places(id);

ALTER TABLE place_translations ADD CONSTRAINT place_translations_decided_by FOREIGN KEY (decided_by) REFERENCES people(id);

ALTER TABLE place_translations ADD CONSTRAINT place_translations_place FOREIGN KEY (place_id) REFERENCES places(id);

ALTER TABLE places ADD CONSTRAINT places_structure FOREIGN KEY (structure_id) REFERENCES organisations(id);

ALTER TABLE quote_versions ADD CONSTRAINT quote_versions_made_by FOREIGN KEY (made_by) REFERENCES people(id);

ALTER TABLE quote_versions ADD CONSTRAINT quote_versions_quote FOREIGN KEY (quote_id) REFERENCES quotes(id);

ALTER TABLE quote_versions ADD CONSTRAINT quote_versions_tariff FOREIGN KEY (tariff_id) REFERENCES tariffs(id);

ALTER TABLE quotes ADD CONSTRAINT quotes_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id);

ALTER TABLE quotes ADD CONSTRAINT quotes_funder FOREIGN KEY (funder_id) REFERENCES organisations(id);

ALTER TABLE receipts ADD CONSTRAINT receipts_order FOREIGN KEY (order_id) REFERENCES orders(id);

ALTER TABLE refund_files ADD CONSTRAINT refund_files_approved_by FOREIGN KEY (approved_by) REFERENCES people(id);

ALTER TABLE refund_parts ADD CONSTRAINT refund_parts_refund FOREIGN KEY (refund_id) REFERENCES refunds(id) ON DELETE CASCADE;

ALTER TABLE refunds ADD CONSTRAINT refunds_account FOREIGN KEY (account_id) REFERENCES funder_accounts(id);

ALTER TABLE refunds ADD CONSTRAINT refunds_approved_by FOREIGN KEY (approved_by) REFERENCES people(id);

ALTER TABLE refunds ADD CONSTRAINT refunds_file FOREIGN KEY (file_id) REFERENCES refund_files(id);

ALTER TABLE refunds ADD CONSTRAINT refunds_funder FOREIGN KEY (funder_id) REFERENCES organisations(id);

ALTER TABLE refunds ADD CONSTRAINT refunds_requested_by FOREIGN KEY (requested_by) REFERENCES people(id);

ALTER TABLE rollovers ADD CONSTRAINT rollovers_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id);

ALTER TABLE rollovers ADD CONSTRAINT rollovers_funder FOREIGN KEY (funder_id) REFERENCES organisations(id);

ALTER TABLE rollovers ADD CONSTRAINT rollovers_order FOREIGN KEY (order_id) REFERENCES orders(id);

ALTER TABLE services ADD CONSTRAINT services_place FOREIGN KEY (place_id) REFERENCES places(id);

ALTER TABLE sessions ADD CONSTRAINT sessions_organisation FOREIGN KEY (organisation_id) REFERENCES organisations(id);

ALTER TABLE sessions ADD CONSTRAINT sessions_person FOREIGN KEY (person_id) REFERENCES people(id);

ALTER TABLE settlement_files ADD CONSTRAINT settlement_files_settlement FOREIGN KEY (settlement_id) REFERENCES settlements(id);

ALTER TABLE settlement_topups ADD CONSTRAINT settlement_topups_settlement FOREIGN KEY (settlement_id) REFERENCES settlements(id);

ALTER TABLE settlements ADD CONSTRAINT settlements_approved_by FOREIGN KEY (approved_by) REFERENCES people(id);

ALTER TABLE settlements ADD CONSTRAINT settlements_cancelled_by FOREIGN KEY (cancelled_by) REFERENCES people(id);

ALTER TABLE settlements ADD CONSTRAINT settlements_closed_by FOREIGN KEY (closed_by) REFERENCES people(id);

ALTER TABLE statement_files ADD CONSTRAINT statement_files_sent_by FOREIGN KEY (sent_by) REFERENCES people(id);

ALTER TABLE statement_lines ADD CONSTRAINT statement_lines_statement FOREIGN KEY (statement_id) REFERENCES statements(id);

ALTER TABLE statements ADD CONSTRAINT statements_imported_by FOREIGN KEY (imported_by) REFERENCES people(id);

ALTER TABLE stripe_payouts ADD CONSTRAINT stripe_payouts_back_of FOREIGN KEY (back_of) REFERENCES payouts(id);

ALTER TABLE stripe_payouts ADD CONSTRAINT stripe_payouts_checkout_id_fkey FOREIGN KEY (checkout_id) REFERENCES checkouts(id);

ALTER TABLE stripe_payouts ADD CONSTRAINT stripe_payouts_line_id_fkey FOREIGN KEY (line_id) REFERENCES statement_lines(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE takebacks ADD CONSTRAINT takebacks_order FOREIGN KEY (order_id) REFERENCES orders(id);

ALTER TABLE tariffs ADD CONSTRAINT tariffs_published_by FOREIGN KEY (published_by) REFERENCES people(id);

ALTER TABLE vouchers ADD CONSTRAINT vouchers_booklet FOREIGN KEY (booklet_id) REFERENCES booklets(id);

CREATE INDEX adjustments_by_debt ON public.adjustments USING btree (debt_id) WHERE (debt_id IS NOT NULL);

CREATE INDEX adjustments_by_payout ON public.adjustments USING btree (payout_id) WHERE (payout_id IS NOT NULL);

CREATE INDEX adjustments_by_redemption ON public.adjustments USING btree (redemption_id) WHERE (redemption_id IS NOT NULL);

CREATE INDEX adjustments_waiting ON public.adjustments USING btree (structure_id) WHERE (payout_id IS NULL);

CREATE INDEX agenda_sessions_by_place ON public.agenda_sessions USING btree (place_id, starts_at);

CREATE INDEX agenda_sessions_by_start ON public.agenda_sessions USING btree (starts_at) WHERE (cancelled_at IS NULL);

CREATE INDEX application_events_by_application ON public.application_events USING btree (application_id);

CREATE INDEX application_proofs_by_application ON public.application_proofs USING btree (application_id);

CREATE INDEX applications_by_structure ON public.applications USING btree (structure_id);

CREATE UNIQUE INDEX applications_one_open ON public.applications USING btree (place_id, kind) WHERE (state = ANY (ARRAY['draft'::text, 'sent'::text, 'asked'::text, 'refusing'::text, 'appealed'::text]));

CREATE INDEX audit_entries_by_object ON public.audit_entries USING btree (object, id);

CREATE INDEX bank_cases_open ON public.bank_cases USING btree (kind, line_id) WHERE (decision IS NULL);

CREATE UNIQUE INDEX bank_details_one_in_force ON public.bank_details USING btree (structure_id) WHERE ((in_force_at IS NOT NULL) AND (replaced_at IS NULL) AND (ended_at IS NULL));

CREATE UNIQUE INDEX bank_details_one_waiting ON public.bank_details USING btree (structure_id) WHERE ((in_force_at IS NULL) AND (replaced_at IS NULL) AND (ended_at IS NULL));

CREATE INDEX bookings_by_booklet ON public.bookings USING btree (booklet_id);

CREATE INDEX bookings_by_session ON public.bookings USING btree (session_id);

CREATE UNIQUE INDEX bookings_one_seat ON public.bookings USING btree (session_id, booklet_id) WHERE (state = ANY (ARRAY['booked'::text, 'waiting'::text]));

CREATE INDEX bookings_with_contact ON public.bookings USING btree (id) WHERE ((email <> ''::text) OR (phone <> ''::text));

CREATE INDEX booklets_by_campaign ON public.booklets USING btree (campaign_id);

CREATE INDEX booklets_by_prescriber ON public.booklets USING btree (prescriber_id, id);

CREATE INDEX campaign_extensions_by_campaign ON public.campaign_extensions USING btree (campaign_id, id);

CREATE INDEX campaign_shares_by_funder ON public.campaign_shares USING btree (funder_id);

CREATE UNIQUE INDEX campaign_shares_one_rest ON public.campaign_shares USING btree (campaign_id) WHERE (kind = 'rest'::text);

CREATE INDEX campaigns_by_funder ON public.campaigns USING btree (funder_id);

CREATE INDEX card_refunds_by_checkout ON public.card_refunds USING btree (checkout_id);

CREATE INDEX card_refunds_on_their_way ON public.card_refunds USING btree (id) WHERE (state = ANY (ARRAY['asked'::text, 'pending'::text]));

CREATE INDEX checkouts_by_intent ON public.checkouts USING btree (intent) WHERE (intent <> ''::text);

CREATE INDEX checkouts_by_order ON public.checkouts USING btree (order_id, id);

CREATE UNIQUE INDEX checkouts_one_open ON public.checkouts USING btree (order_id) WHERE (state = ANY (ARRAY['asked'::text, 'open'::text]));

CREATE INDEX checkouts_unsettled ON public.checkouts USING btree (id) WHERE ((state = ANY (ARRAY['asked'::text, 'open'::text, 'pending'::text])) OR ((state = 'paid'::text) AND (available_at IS NULL)));

CREATE INDEX chorus_deposits_by_invoice ON public.chorus_deposits USING btree (invoice_id, id);

CREATE INDEX closings_by_campaign ON public.closings USING btree (campaign_id, id);

CREATE INDEX complaint_proofs_by_complaint ON public.complaint_proofs USING btree (complaint_id);

CREATE INDEX complaints_by_campaign ON public.complaints USING btree (campaign_id, id);

CREATE INDEX complaints_by_redemption ON public.complaints USING btree (redemption_id);

CREATE INDEX complaints_by_structure ON public.complaints USING btree (structure_id, id);

CREATE UNIQUE INDEX complaints_one_open ON public.complaints USING btree (redemption_id) WHERE (state = 'open'::text);

CREATE INDEX complaints_with_contact ON public.complaints USING btree (ended_at) WHERE ((email <> ''::text) OR (phone <> ''::text));

CREATE INDEX connect_accounts_by_account ON public.connect_accounts USING btree (account);

CREATE UNIQUE INDEX connect_accounts_one ON public.connect_accounts USING btree (structure_id) WHERE (ended_at IS NULL);

CREATE INDEX connect_transfers_open ON public.connect_transfers USING btree (changed_at);

CREATE INDEX contribution_followers_by_report ON public.contribution_followers USING btree (report_id);

CREATE INDEX contribution_followers_by_translation ON public.contribution_followers USING btree (translation_id);

CREATE INDEX correction_requests_by_debt ON public.correction_requests USING btree (debt_id) WHERE (debt_id IS NOT NULL);

CREATE UNIQUE INDEX correction_requests_one_open ON public.correction_requests USING btree (redemption_id, debt_id) NULLS NOT DISTINCT WHERE (state = 'requested'::text);

CREATE INDEX corrections_debts ON public.corrections USING btree (structure_id, id) WHERE (outcome = 'debt'::text);

CREATE INDEX debt_note_lines_by_debt ON public.debt_note_lines USING btree (debt_id);

CREATE INDEX debt_notes_by_structure ON public.debt_notes USING btree (structure_id, id);

CREATE INDEX debt_repayments_by_line ON public.debt_repayments USING btree (line_id);

CREATE INDEX debt_writeoffs_by_order ON public.debt_writeoffs USING btree (order_id);

CREATE UNIQUE INDEX debt_writeoffs_one_open ON public.debt_writeoffs USING btree (order_id) WHERE (state = 'requested'::text);

CREATE INDEX disputes_by_checkout ON public.disputes USING btree (checkout_id);

CREATE INDEX disputes_with_frozen ON public.disputes USING btree (id) WHERE (frozen <> '{}'::bigint[]);

CREATE INDEX fee_receipts_by_invoice ON public.fee_receipts USING btree (invoice_id);

CREATE INDEX fee_takebacks_by_invoice ON public.fee_takebacks USING btree (invoice_id);

CREATE UNIQUE INDEX funder_accounts_one_in_force ON public.funder_accounts USING btree (funder_id) WHERE (replaced_at IS NULL);

CREATE INDEX invoices_by_correction ON public.invoices USING btree (corrects) WHERE (corrects IS NOT NULL);

CREATE INDEX invoices_by_funder ON public.invoices USING btree (funder_id, id);

CREATE UNIQUE INDEX invoices_one_of_a_kind ON public.invoices USING btree (order_id, kind) WHERE (corrects IS NULL);

CREATE UNIQUE INDEX invoices_reference ON public.invoices USING btree (reference) WHERE (corrects IS NULL);

CREATE INDEX jobs_due ON public.jobs USING btree (COALESCE(lease_until, run_at), id) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX jobs_finished_by_time ON public.jobs USING btree (state, finished_at) WHERE (state = ANY (ARRAY['done'::text, 'dead'::text]));

CREATE INDEX joinings_by_end ON public.joinings USING btree (expires_at);

CREATE UNIQUE INDEX label_suspensions_one_open ON public.label_suspensions USING btree (label_id) WHERE (lifted_at IS NULL);

CREATE INDEX labels_by_place ON public.labels USING btree (place_id);

CREATE UNIQUE INDEX labels_one_in_force ON public.labels USING btree (place_id, kind) WHERE (ended_at IS NULL);

CREATE INDEX memberships_by_organisation ON public.memberships USING btree (organisation_id);

CREATE INDEX orders_by_campaign ON public.orders USING btree (campaign_id);

CREATE INDEX organisations_unverified ON public.organisations USING btree (unverified_since) WHERE (unverified_since IS NOT NULL);

CREATE INDEX payout_requests_answered ON public.payout_requests USING btree (payout_id) WHERE (payout_id IS NOT NULL);

CREATE UNIQUE INDEX payout_requests_one ON public.payout_requests USING btree (structure_id) WHERE (payout_id IS NULL);

CREATE INDEX payouts_by_batch_line ON public.payouts USING btree (batch_line, id) WHERE (batch_line IS NOT NULL);

CREATE INDEX payouts_by_booking ON public.payouts USING btree (booked_on) WHERE (state = 'booked'::text);

CREATE INDEX payouts_by_reissue ON public.payouts USING btree (reissued_in) WHERE (reissued_in IS NOT NULL);

CREATE INDEX payouts_by_structure ON public.payouts USING btree (structure_id, id);

CREATE INDEX payouts_to_reissue ON public.payouts USING btree (structure_id) WHERE ((state = ANY (ARRAY['returned'::text, 'rejected'::text])) AND (reissued_in IS NULL));

CREATE INDEX payouts_unpaid ON public.payouts USING btree (structure_id) WHERE ((state <> 'booked'::text) AND (reissued_in IS NULL));

CREATE INDEX place_aliases_by_place ON public.place_aliases USING btree (place_id);

CREATE INDEX place_reports_open ON public.place_reports USING btree (made_at) WHERE (decided_at IS NULL);

CREATE UNIQUE INDEX place_reports_said_once ON public.place_reports USING btree (place_id, field, md5(value)) WHERE (decided_at IS NULL);

CREATE INDEX place_translations_by_place ON public.place_translations USING btree (place_id, decided_at) WHERE (accepted AND (retracted_at IS NULL));

CREATE INDEX place_translations_open ON public.place_translations USING btree (made_at) WHERE (decided_at IS NULL);

CREATE UNIQUE INDEX place_translations_said_once ON public.place_translations USING btree (place_id, language, md5((texts)::text)) WHERE (decided_at IS NULL);

CREATE INDEX places_by_insee ON public.places USING btree (insee);

CREATE INDEX places_by_position ON public.places USING btree (lat, lon);

CREATE INDEX places_by_siren ON public.places USING btree ("left"(siret, 9)) WHERE (siret <> ''::text);

CREATE INDEX places_by_structure ON public.places USING btree (structure_id);

CREATE INDEX places_by_structure_unlisted ON public.places USING btree (structure_id) WHERE (NOT listed);

CREATE INDEX places_by_theme ON public.places USING gin (themes);

CREATE INDEX places_by_words ON public.places USING gin (words);

CREATE INDEX quotes_by_funder ON public.quotes USING btree (funder_id, id);

CREATE INDEX receipts_by_order ON public.receipts USING btree (order_id);

CREATE UNIQUE INDEX redeemed_vouchers_once ON public.redeemed_vouchers USING btree (voucher_id) WHERE (NOT undone);

CREATE INDEX redemptions_by_booklet ON public.redemptions USING btree (booklet_id);

CREATE INDEX redemptions_by_structure ON public.redemptions USING btree (structure_id, id);

CREATE INDEX refunds_by_file ON public.refunds USING btree (file_id);

CREATE INDEX refunds_by_funder ON public.refunds USING btree (funder_id, id);

CREATE UNIQUE INDEX refunds_line ON public.refunds USING btree (line_id) WHERE (state <> ALL (ARRAY['returned'::text, 'rejected'::text]));

CREATE INDEX refunds_waiting ON public.refunds USING btree (kind) WHERE (state = 'proposed'::text);

CREATE INDEX rollovers_by_funder ON public.rollovers USING btree (funder_id, id);

CREATE INDEX services_by_theme ON public.services USING btree (theme, place_id) WHERE (withdrawn_at IS NULL);

CREATE INDEX services_by_words ON public.services USING gin (words);

CREATE UNIQUE INDEX services_one_in_force ON public.services USING btree (place_id, theme, title) WHERE (withdrawn_at IS NULL);

CREATE INDEX statement_lines_by_day ON public.statement_lines USING btree (booked_on);

CREATE INDEX statement_lines_by_iban ON public.statement_lines USING btree (counterparty_iban) WHERE (counterparty_iban <> ''::text);

CREATE INDEX statement_lines_by_name ON public.statement_lines USING btree (end_to_end) WHERE (end_to_end <> ''::text);

CREATE INDEX statement_lines_by_statement ON public.statement_lines USING btree (statement_id, id);

CREATE INDEX statement_lines_unexplained ON public.statement_lines USING btree (booked_on, id) WHERE (cause IS NULL);

CREATE INDEX statements_by_account ON public.statements USING btree (account, closing_on, id);

CREATE INDEX stripe_events_by_time ON public.stripe_events USING btree (received_at);

CREATE INDEX stripe_payouts_on_their_way ON public.stripe_payouts USING btree (id) WHERE (state <> 'banked'::text);

CREATE INDEX takebacks_by_order ON public.takebacks USING btree (order_id);

CREATE INDEX throttle_by_window ON public.throttle USING btree (window_start);

CREATE INDEX transfers_found ON public.transfers USING brin (debit text_bloom_ops, credit text_bloom_ops, cause int8_bloom_ops) WITH (pages_per_range='32', autosummarize='on');

CREATE INDEX vouchers_by_booking ON public.vouchers USING btree (held_for) WHERE (held_for IS NOT NULL);

CREATE INDEX vouchers_by_booklet ON public.vouchers USING btree (booklet_id);

CREATE TRIGGER audit_entries_only_added BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_entries FOR EACH STATEMENT EXECUTE FUNCTION only_ever_added();

CREATE TRIGGER invoices_only_added BEFORE DELETE OR UPDATE OR TRUNCATE ON public.invoices FOR EACH STATEMENT EXECUTE FUNCTION only_ever_added();

CREATE TRIGGER quote_versions_only_added BEFORE DELETE OR UPDATE OR TRUNCATE ON public.quote_versions FOR EACH STATEMENT EXECUTE FUNCTION only_ever_added();

CREATE TRIGGER seals_only_added BEFORE DELETE OR UPDATE OR TRUNCATE ON public.seals FOR EACH STATEMENT EXECUTE FUNCTION only_ever_added();

CREATE TRIGGER tariffs_only_added BEFORE DELETE OR UPDATE OR TRUNCATE ON public.tariffs FOR EACH STATEMENT EXECUTE FUNCTION only_ever_added();

CREATE TRIGGER transfers_only_added BEFORE DELETE OR UPDATE OR TRUNCATE ON public.transfers FOR EACH STATEMENT EXECUTE FUNCTION only_ever_added();

CREATE TRIGGER voucher_moves BEFORE UPDATE ON public.vouchers FOR EACH ROW WHEN ((old.state IS DISTINCT FROM new.state)) EXECUTE FUNCTION voucher_moves();
