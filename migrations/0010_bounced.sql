-- +goose Up

-- A payment that somebody gave back on Stripe's own pages may come back after Stripe had
-- called it done, as a refund of ours may.
ALTER TABLE disputes DROP CONSTRAINT disputes_state;
ALTER TABLE disputes ADD CONSTRAINT disputes_state CHECK (state IN ('open', 'won', 'lost', 'bounced')) NOT VALID;
ALTER TABLE disputes VALIDATE CONSTRAINT disputes_state;
