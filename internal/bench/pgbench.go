package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// handWritten redeems one voucher of one booklet: the same rules, the same rows, the same
// gate before an id is drawn, the stored answer for a key that was used before; one
// prepared statement, one round trip. It is the best that one statement per redemption
// can do. pgbench reads :name everywhere, so "campaign:1:live" is put together.
const handWritten = `\set i :i + 1
\set b :first + :i * :clients + :client_id
\set s :b % :structures + 3
WITH gate AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(7021974)),
earlier AS MATERIALIZED (
	SELECT answer FROM idempotency_keys WHERE scope = :s AND key = concat('pgbench-', :first::int, '-', :client_id::int, '-', :i::int)),
b AS (
	SELECT b.id, b.campaign_id, b.face_cents, p.id AS place_id
	FROM gate, booklets b
	JOIN campaigns c ON c.id = b.campaign_id
	JOIN places p ON p.structure_id = :s
	JOIN labels l ON l.place_id = p.id AND l.ended_at IS NULL AND CURRENT_DATE BETWEEN l.starts_on AND l.ends_on
	JOIN services s ON s.place_id = p.id AND s.theme = 'everyday_tools' AND s.withdrawn_at IS NULL
	WHERE b.id = :b AND CURRENT_DATE BETWEEN b.from_on AND b.until_on + c.tolerance_days AND 1 <= c.price_cap
		AND s.theme = ANY (c.themes)
		AND (p.insee = ANY (c.communes) OR p.epci = ANY (c.epcis) OR p.departement = ANY (c.departements))
		AND NOT EXISTS (SELECT FROM earlier)),
v AS (
	SELECT v.id FROM vouchers v JOIN b ON b.id = v.booklet_id WHERE v.state = 'live' ORDER BY v.id LIMIT 1 FOR UPDATE OF v),
marked AS (
	UPDATE vouchers SET state = 'redeemed' FROM v WHERE vouchers.id = v.id AND vouchers.state = 'live' RETURNING vouchers.id),
r AS (
	INSERT INTO redemptions (id, at, campaign_id, booklet_id, structure_id, place_id, person_id, vouchers, amount_cents, theme, duration_minutes, mode)
	SELECT nextval('redemption_ids'), now(), b.campaign_id, b.id, :s, b.place_id, :s, 1, b.face_cents, 'everyday_tools', 60, 'individual'
	FROM b, marked RETURNING id, campaign_id, structure_id, booklet_id, place_id, amount_cents),
taken AS (
	INSERT INTO redeemed_vouchers (redemption_id, voucher_id, undone) SELECT r.id, marked.id, false FROM r, marked),
posted AS (
	INSERT INTO transfers (at, event, cause, debit, credit, amount, campaign_id)
	SELECT now(), 'redemption', id, concat('campaign', chr(58), campaign_id, chr(58), 'live'),
		concat('structure', chr(58), structure_id, chr(58), 'payable'), amount_cents, campaign_id FROM r),
kept AS (
	INSERT INTO idempotency_keys (scope, key, request_hash, answer, created_at, replays)
	SELECT structure_id, concat('pgbench-', :first::int, '-', :client_id::int, '-', :i::int), sha256(int8send(id)),
		format('{"id"%1$s%2$s,"campaign"%1$s%3$s,"booklet"%1$s%4$s,"place"%1$s%5$s,"place_name"%1$s"Lieu","service_theme"%1$s"everyday_tools","duration_minutes"%1$s60,"mode"%1$s"individual","count"%1$s1,"amount_cents"%1$s%6$s}',
			chr(58), id, campaign_id, booklet_id, place_id, amount_cents), now(), 0 FROM r)
SELECT id::text FROM r UNION ALL SELECT answer FROM earlier;
`

// pgbench runs one slice of the hand-written statement.
func (s *stage) pgbench(ctx context.Context, clients int) (slice, error) {
	first, err := s.take(s.room(clients))
	if err != nil {
		return slice{}, err
	}
	dir, err := os.MkdirTemp("", "passerelle-pgbench-")
	if err != nil {
		return slice{}, err
	}
	defer os.RemoveAll(dir)
	script := filepath.Join(dir, "redeem.sql")
	if err := os.WriteFile(script, []byte(handWritten), 0o600); err != nil {
		return slice{}, err
	}
	cmd := exec.CommandContext(ctx, s.server.Tool("pgbench"), "-n", "-M", "prepared", "-f", script,
		"-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(clients, 2)), "-T", strconv.Itoa(int(s.opts.Slice.Seconds())),
		"-l", "--log-prefix", filepath.Join(dir, "log"),
		"-D", "i=-1", "-D", fmt.Sprintf("first=%d", first), "-D", fmt.Sprintf("clients=%d", clients), "-D", fmt.Sprintf("structures=%d", structuresMany),
		s.server.URL())
	if out, err := cmd.CombinedOutput(); err != nil {
		return slice{}, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	latencies, most, err := readLatencies(dir)
	if err != nil {
		return slice{}, err
	}
	s.used(most * clients)
	return sliceOf(latencies, s.opts.Slice)
}

// readLatencies reads pgbench's log (client, transaction, microseconds, …) and tells the
// most that one client did.
func readLatencies(dir string) (all []time.Duration, most int, err error) {
	logs, err := filepath.Glob(filepath.Join(dir, "log*"))
	if err != nil {
		return nil, 0, err
	}
	for _, name := range logs {
		file, err := os.Open(name)
		if err != nil {
			return nil, 0, err
		}
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			var client, transaction, us int
			if _, err := fmt.Sscan(lines.Text(), &client, &transaction, &us); err != nil {
				return nil, 0, fmt.Errorf("pgbench's log: %w", err)
			}
			all = append(all, time.Duration(us)*time.Microsecond)
			most = max(most, transaction+1)
		}
		if err := file.Close(); err != nil {
			return nil, 0, err
		}
	}
	return all, most, nil
}
