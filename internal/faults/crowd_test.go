package faults_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
)

// crowd is many clients that redeem one voucher per key over HTTP, each as it is told to:
// whoever hears nothing, or that the outcome is unknown, sends the same request with the
// same key again.
type crowd struct {
	service *child
	client  http.Client
	asks    []ask

	acks     atomic.Int64 // keys answered with a receipt
	unknowns atomic.Int64 // answers lost, or told to be unknown
	replays  atomic.Int64 // receipts given again
	mu       sync.Mutex
	receipts []redemption.Redemption // by ask; ID 0: none yet
	problems []string                // what no client should ever see
}

type ask struct{ key, code string }

// newCrowd wants every voucher of every booklet of 10.
func newCrowd(c *child, codes []string) *crowd {
	all := &crowd{service: c, client: http.Client{Timeout: 10 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
	for i := range 10 {
		for _, code := range codes {
			all.asks = append(all.asks, ask{fmt.Sprintf("ask-%d-%s", i, code), code})
		}
	}
	all.receipts = make([]redemption.Redemption, len(all.asks))
	return all
}

// run lets the clients loose; the returned function waits until every key is answered.
func (c *crowd) run(clients int) (wait func()) {
	var next atomic.Int64
	var working sync.WaitGroup
	for range clients {
		working.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(c.asks); i = int(next.Add(1)) - 1 {
				c.insist(i)
			}
		})
	}
	return working.Wait
}

// insist asks until there is a receipt, for at most a minute.
func (c *crowd) insist(i int) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		status, replayed, body, err := c.send(c.asks[i])
		switch {
		case err != nil || status == http.StatusServiceUnavailable:
			c.unknowns.Add(1)
		case status == http.StatusCreated:
			c.keep(i, replayed, body)
			return
		default:
			c.report("%s: status %d: %.300s", c.asks[i].key, status, body)
			return
		}
	}
	c.report("%s: no answer within a minute", c.asks[i].key)
}

func (c *crowd) send(a ask) (status int, replayed bool, body []byte, err error) {
	request, err := json.Marshal(redemption.Request{Code: a.code, Count: 1, Theme: world.Theme, DurationMinutes: 60, Mode: "individual"})
	if err != nil {
		return 0, false, nil, err
	}
	r, err := http.NewRequest("POST", c.service.url("/api/v1/redemptions"), bytes.NewReader(request))
	if err != nil {
		return 0, false, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+c.service.token)
	r.Header.Set("Idempotency-Key", a.key)
	answer, err := c.client.Do(r)
	if err != nil {
		return 0, false, nil, err
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Header.Get("Idempotent-Replayed") == "true", body, err
}

// keep takes a receipt; a second one must be the first one again.
func (c *crowd) keep(i int, replayed bool, body []byte) {
	var r redemption.Redemption
	if err := json.Unmarshal(body, &r); err != nil || r.ID == 0 {
		c.report("%s: a receipt that is none: %v %s", c.asks[i].key, err, body)
		return
	}
	if replayed {
		c.replays.Add(1)
	}
	c.mu.Lock()
	first := c.receipts[i]
	c.receipts[i] = r
	c.mu.Unlock()
	switch {
	case first.ID == 0:
		c.acks.Add(1)
	case first != r:
		c.report("%s: first %+v, then %+v", c.asks[i].key, first, r)
	case !replayed:
		c.report("%s: done a second time", c.asks[i].key)
	}
}

func (c *crowd) report(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.problems = append(c.problems, fmt.Sprintf(format, args...)); len(c.problems) > 10 {
		c.problems = c.problems[:10]
	}
}

// answered waits until so many keys have receipts.
func (c *crowd) answered(t testing.TB, n int64) {
	t.Helper()
	within(t, time.Minute, fmt.Sprint(n, " receipts"), func() bool { return c.acks.Load() >= n })
}

// count compares what the clients hold with what the database holds.
func (c *crowd) count(t testing.TB, d *db.DB) (lost, doubled int) {
	t.Helper()
	for _, problem := range c.problems {
		t.Error(problem)
	}
	type row struct {
		ID      int64  `db:"id"`
		Booklet int64  `db:"booklet_id"`
		Key     string `db:"key"`
	}
	var rows []row
	must(t, d.Read(t.Context(), func(tx *db.Tx) error {
		return tx.Select(t.Context(), &rows, `
			SELECT r.id, r.booklet_id, COALESCE(k.key, '') AS key FROM redemptions r
			LEFT JOIN idempotency_keys k ON k.key LIKE 'ask-%' AND (k.answer::jsonb ->> 'id')::bigint = r.id`)
	}))
	there := map[string]row{}
	for _, row := range rows {
		if _, twice := there[row.Key]; twice {
			doubled++
		}
		there[row.Key] = row
	}
	for i, a := range c.asks {
		r := c.receipts[i]
		if row := there[a.key]; r.ID != 0 && (row.ID != int64(r.ID) || row.Booklet != int64(r.Booklet)) {
			lost++
		}
	}
	if len(rows) != len(c.asks) || c.acks.Load() != int64(len(c.asks)) {
		t.Errorf("%d keys, %d receipts, %d redemptions", len(c.asks), c.acks.Load(), len(rows))
	}
	return lost, doubled
}
