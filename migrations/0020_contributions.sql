-- +goose Up

-- labelling: since when a place's card is known to be right, and whether the place has
-- closed for good. sure_at is generated, so that nobody can forget it: somebody who answers
-- for the place vouches for its card; where nobody does, its source's last update counts,
-- which cannot be later than when we saw it.
ALTER TABLE places
    ADD COLUMN confirmed_at timestamptz, -- somebody looked at the card and found it right
    ADD COLUMN closed_at    timestamptz, -- for good: it is found no more, and nothing is deleted
    ADD COLUMN sure_at      timestamptz NOT NULL GENERATED ALWAYS AS (
        CASE WHEN structure_id IS NULL
            THEN GREATEST(corrected_at, confirmed_at, LEAST(updated_on::timestamp AT TIME ZONE 'Europe/Paris', imported_at))
            ELSE GREATEST(claimed_at, corrected_at, confirmed_at) END) STORED;

-- contributions: what anybody says is wrong about a place's card.
CREATE TABLE place_reports (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT place_reports_pkey PRIMARY KEY,
    place_id   bigint NOT NULL CONSTRAINT place_reports_place REFERENCES places,
    field      text NOT NULL CONSTRAINT place_reports_field CHECK (field IN ('hours', 'phone', 'email', 'address', 'closed', 'other')),
    value      text NOT NULL CONSTRAINT place_reports_value CHECK (length(value) <= 500),
    reason     text NOT NULL CONSTRAINT place_reports_reason CHECK (length(reason) <= 500),
    times      integer NOT NULL DEFAULT 1, -- how often the same was said
    made_at    timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by bigint CONSTRAINT place_reports_decided_by REFERENCES people,
    accepted   boolean,
    answer     text NOT NULL DEFAULT '',
    CONSTRAINT place_reports_decided CHECK ((decided_at IS NULL) = (accepted IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL))
);
CREATE UNIQUE INDEX place_reports_said_once ON place_reports (place_id, field, md5(value)) WHERE decided_at IS NULL;
CREATE INDEX place_reports_open ON place_reports (made_at) WHERE decided_at IS NULL;

-- contributions: what a volunteer puts a place's words into. texts is a list of
-- {field, service, source, text}: source is what was translated.
CREATE TABLE place_translations (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT place_translations_pkey PRIMARY KEY,
    place_id   bigint NOT NULL CONSTRAINT place_translations_place REFERENCES places,
    language   text NOT NULL,
    texts      jsonb NOT NULL,
    author     text NOT NULL CONSTRAINT place_translations_author CHECK (length(author) BETWEEN 1 AND 80),
    made_at    timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by bigint CONSTRAINT place_translations_decided_by REFERENCES people,
    accepted   boolean,
    answer     text NOT NULL DEFAULT '',
    retracted_at timestamptz, -- taken off the card again
    CONSTRAINT place_translations_decided CHECK ((decided_at IS NULL) = (accepted IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL))
);
CREATE UNIQUE INDEX place_translations_said_once ON place_translations (place_id, language, md5(texts::text)) WHERE decided_at IS NULL;
CREATE INDEX place_translations_by_place ON place_translations (place_id, decided_at) WHERE accepted AND retracted_at IS NULL;
CREATE INDEX place_translations_open ON place_translations (made_at) WHERE decided_at IS NULL;

-- contributions: who wants to know what became of a report or a translation; forgotten once told.
CREATE TABLE contribution_followers (
    id             bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT contribution_followers_pkey PRIMARY KEY,
    address        text NOT NULL,
    report_id      bigint CONSTRAINT contribution_followers_report REFERENCES place_reports,
    translation_id bigint CONSTRAINT contribution_followers_translation REFERENCES place_translations,
    CONSTRAINT contribution_followers_of_one CHECK ((report_id IS NULL) <> (translation_id IS NULL)),
    CONSTRAINT contribution_followers_once UNIQUE NULLS NOT DISTINCT (address, report_id, translation_id)
);
CREATE INDEX contribution_followers_by_report ON contribution_followers (report_id);
CREATE INDEX contribution_followers_by_translation ON contribution_followers (translation_id);

-- contributions: an address that a stranger may have typed gets one letter a day. Forgotten
-- after that day.
CREATE TABLE contribution_letters (
    address text NOT NULL CONSTRAINT contribution_letters_pkey PRIMARY KEY,
    sent_at timestamptz NOT NULL
);
