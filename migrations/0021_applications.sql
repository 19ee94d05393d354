-- +goose Up

-- applications: the kinds of label, and what each asks for, in versions that are never
-- changed once they are published. A form is a list of criteria: code, title, text, whether a
-- proof is asked for (none, optional, required), and whether the criterion must be met.
CREATE TABLE label_kinds (
    code       text CONSTRAINT label_kinds_pkey PRIMARY KEY CONSTRAINT label_kinds_code CHECK (code ~ '^[a-z][a-z0-9-]{1,30}$'),
    name       text NOT NULL CONSTRAINT label_kinds_name CHECK (length(name) BETWEEN 3 AND 100),
    summary    text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE TABLE label_criteria (
    kind         text NOT NULL CONSTRAINT label_criteria_kind REFERENCES label_kinds,
    version      integer NOT NULL CONSTRAINT label_criteria_version CHECK (version > 0),
    form         jsonb NOT NULL,
    published_at timestamptz NOT NULL,
    published_by bigint CONSTRAINT label_criteria_published_by REFERENCES people, -- NULL: came with the program
    CONSTRAINT label_criteria_pkey PRIMARY KEY (kind, version)
);
INSERT INTO label_kinds (code, name, summary, created_at) VALUES
    ('passerelle', 'Label Passerelle', 'Le lieu accueille, aide sans rien vendre, et protège les données des personnes.', '2026-01-01T00:00:00Z');
INSERT INTO label_criteria (kind, version, form, published_at) VALUES ('passerelle', 1, '[
 {
  "code": "welcome",
  "title": "Accueil",
  "text": "Le lieu accueille le public à des jours et heures annoncés, et une personne y répond au téléphone ou par e-mail.",
  "proof": "none",
  "required": true
 },
 {
  "code": "mediators",
  "title": "Des personnes qui savent aider",
  "text": "Au moins une personne présente a une formation ou une expérience d’un an en médiation numérique.",
  "proof": "required",
  "required": true
 },
 {
  "code": "neutrality",
  "title": "Aide sans rien vendre",
  "text": "L’aide ne sert pas à vendre un produit, un abonnement ou une assurance, et aucune commission n’est reçue.",
  "proof": "none",
  "required": true
 },
 {
  "code": "equipment",
  "title": "Matériel et connexion",
  "text": "Un ordinateur et une connexion à internet sont prêts pour la personne aidée, en bon état.",
  "proof": "none",
  "required": true
 },
 {
  "code": "privacy",
  "title": "Données et mots de passe",
  "text": "Les mots de passe restent à la personne. Pour agir à sa place, le lieu a un mandat écrit, par exemple Aidants Connect.",
  "proof": "optional",
  "required": true
 },
 {
  "code": "access",
  "title": "Accessibilité",
  "text": "Le lieu dit comment une personne en fauteuil, malvoyante ou malentendante est accueillie, et propose une solution si l’accès est difficile.",
  "proof": "optional",
  "required": true
 },
 {
  "code": "insurance",
  "title": "Assurance et statut",
  "text": "La structure existe légalement et est assurée pour l’accueil du public.",
  "proof": "required",
  "required": true
 },
 {
  "code": "follow-up",
  "title": "Suivi",
  "text": "Le lieu note ce qui a été fait, demande leur avis aux personnes et accepte un contrôle de l’opérateur.",
  "proof": "none",
  "required": true
 }
]', '2026-01-01T00:00:00Z');

-- labelling: a place may hold labels of several kinds. A suspended one takes no voucher.
ALTER TABLE labels
    ADD COLUMN kind         text NOT NULL DEFAULT 'passerelle' CONSTRAINT labels_kind REFERENCES label_kinds,
    ADD COLUMN suspended_at timestamptz;
DROP INDEX labels_one_in_force;
CREATE UNIQUE INDEX labels_one_in_force ON labels (place_id, kind) WHERE ended_at IS NULL;
CREATE TABLE label_suspensions (
    id        bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT label_suspensions_pkey PRIMARY KEY,
    label_id  bigint NOT NULL CONSTRAINT label_suspensions_label REFERENCES labels,
    from_at   timestamptz NOT NULL,
    from_by   bigint NOT NULL CONSTRAINT label_suspensions_from_by REFERENCES people,
    reason    text NOT NULL,
    lifted_at timestamptz,
    lifted_by bigint CONSTRAINT label_suspensions_lifted_by REFERENCES people,
    CONSTRAINT label_suspensions_lifted CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);
CREATE UNIQUE INDEX label_suspensions_one_open ON label_suspensions (label_id) WHERE lifted_at IS NULL;

CREATE TABLE applications (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT applications_pkey PRIMARY KEY,
    place_id     bigint NOT NULL CONSTRAINT applications_place REFERENCES places,
    structure_id bigint NOT NULL CONSTRAINT applications_structure REFERENCES organisations,
    kind         text NOT NULL,
    version      integer NOT NULL,
    state        text NOT NULL CONSTRAINT applications_state CHECK (state IN ('draft', 'sent', 'asked', 'refusing', 'refused', 'appealed', 'granted', 'withdrawn')),
    answers      jsonb NOT NULL DEFAULT '{}',
    remarks      jsonb NOT NULL DEFAULT '{}', -- of the reviewer, by criterion
    reason       text NOT NULL DEFAULT '',
    appeal       text NOT NULL DEFAULT '',
    started_at   timestamptz NOT NULL,
    started_by   bigint NOT NULL CONSTRAINT applications_started_by REFERENCES people,
    changed_at   timestamptz NOT NULL,
    sent_at      timestamptz,
    reviewed_by  bigint CONSTRAINT applications_reviewed_by REFERENCES people,
    confirmed_by bigint CONSTRAINT applications_confirmed_by REFERENCES people, -- the second person of a refusal
    decided_at   timestamptz,
    label_id     bigint CONSTRAINT applications_label REFERENCES labels,
    CONSTRAINT applications_criteria FOREIGN KEY (kind, version) REFERENCES label_criteria,
    CONSTRAINT applications_granted CHECK ((state = 'granted') = (label_id IS NOT NULL)),
    CONSTRAINT applications_refused_by_two CHECK (state NOT IN ('refused', 'appealed') OR confirmed_by <> reviewed_by)
);
CREATE UNIQUE INDEX applications_one_open ON applications (place_id, kind) WHERE state IN ('draft', 'sent', 'asked', 'refusing', 'appealed');
CREATE INDEX applications_by_structure ON applications (structure_id);
CREATE TABLE application_proofs (
    file_id        bigint NOT NULL CONSTRAINT application_proofs_pkey PRIMARY KEY CONSTRAINT application_proofs_file REFERENCES files,
    application_id bigint NOT NULL CONSTRAINT application_proofs_application REFERENCES applications,
    criterion      text NOT NULL,
    removed_at     timestamptz
);
CREATE INDEX application_proofs_by_application ON application_proofs (application_id);
-- What happened to an application, in order. Rows are only added.
CREATE TABLE application_events (
    id             bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT application_events_pkey PRIMARY KEY,
    application_id bigint NOT NULL CONSTRAINT application_events_application REFERENCES applications,
    at             timestamptz NOT NULL,
    person_id      bigint NOT NULL CONSTRAINT application_events_person REFERENCES people,
    event          text NOT NULL CONSTRAINT application_events_event CHECK (event IN ('sent', 'asked', 'refusal_proposed', 'sent_back', 'refused', 'granted', 'appealed', 'withdrawn')),
    reason         text NOT NULL DEFAULT '',
    remarks        jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX application_events_by_application ON application_events (application_id);

-- campaigns: the labels that a campaign accepts: kinds, or national programmes and labels that
-- the place says it has. Empty: any label.
ALTER TABLE campaigns ADD COLUMN accepted_labels text[] NOT NULL DEFAULT '{}';
