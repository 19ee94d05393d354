package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// mostPerSecond bounds how many booklets a slice may use; each is redeemed once.
const (
	mostPerSecond      = 14_000
	mostPerSecondAlone = 4_000
)

func (s *stage) room(clients int) int {
	rate := mostPerSecond
	if clients == 1 {
		rate = mostPerSecondAlone
	}
	return int(s.opts.Slice.Seconds() * float64(rate))
}

// request is one redemption, ready to be sent.
type request struct {
	body, key, token string
}

// service runs one slice against the service over HTTP: every request is authenticated,
// brings a signed code and a key of its own, and waits for the durable answer.
func (s *stage) service(ctx context.Context, clients int) (slice, error) {
	requests, err := s.requests(s.room(clients))
	if err != nil {
		return slice{}, err
	}
	host := &fasthttp.HostClient{Addr: s.program.Address[len("http://"):], MaxConns: clients}
	defer host.CloseIdleConnections()
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		all   []time.Duration
		most  int
		first error
	)
	start := time.Now()
	end := start.Add(s.opts.Slice)
	for c := range clients {
		wg.Go(func() {
			mine, err := redeemUntil(ctx, host, end, requests, c, clients)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
			most = max(most, len(mine))
			if err != nil && first == nil {
				first = err
			}
		})
	}
	wg.Wait()
	if first != nil {
		return slice{}, first
	}
	s.used(most * clients)
	return sliceOf(all, time.Since(start))
}

// redeemUntil sends every clients-th request until end.
func redeemUntil(ctx context.Context, host *fasthttp.HostClient, end time.Time, requests []request, c, clients int) ([]time.Duration, error) {
	var latencies []time.Duration
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	for i := c; time.Now().Before(end) && ctx.Err() == nil; i += clients {
		if i >= len(requests) {
			return nil, fmt.Errorf("bench: the service redeems more than %d a second; raise mostPerSecond", mostPerSecond)
		}
		req.Reset()
		req.Header.SetMethod("POST")
		req.SetRequestURI("http://" + host.Addr + "/api/v1/redemptions")
		req.Header.SetContentType("application/json")
		req.Header.Set("Authorization", "Bearer "+requests[i].token)
		req.Header.Set("Idempotency-Key", requests[i].key)
		req.SetBodyString(requests[i].body)
		began := time.Now()
		if err := host.Do(req, resp); err != nil {
			return nil, err
		}
		latencies = append(latencies, time.Since(began))
		if resp.StatusCode() != 201 {
			return nil, fmt.Errorf("bench: the service answered %d: %s", resp.StatusCode(), resp.Body())
		}
	}
	return latencies, nil
}

// requests prepares n redemptions, so that signing codes is not measured.
func (s *stage) requests(n int) ([]request, error) {
	first, err := s.take(n)
	if err != nil {
		return nil, err
	}
	all := make([]request, n)
	for i := range all {
		serial := first + i
		payload, err := s.payload(serial)
		if err != nil {
			return nil, err
		}
		all[i] = request{
			body:  fmt.Sprintf(`{"code":%q,"count":1,"service_theme":%q,"duration_minutes":60,"mode":"individual"}`, payload, theme),
			key:   fmt.Sprintf("bench-key-%d", serial),
			token: token(serial % structuresMany),
		}
	}
	return all, nil
}
