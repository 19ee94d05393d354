package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// client speaks the HTTP API, as any other program would.
type client struct {
	address string
	http    *http.Client
	run     string // begins the keys of this run's writes
	writes  atomic.Int64
}

func newClient(address, run string) *client {
	return &client{address: address, run: run, http: &http.Client{Timeout: time.Minute}}
}

// refusal is the service's answer to what it does not do (RFC 9457).
type refusal struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Detail) }

// codeOf is the refusal's code, "" for anything else.
func codeOf(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}

// call is one request and where its answer goes.
type call struct {
	method, path string
	in           any // JSON, or the bytes of a file
	kind         string
	out          any // JSON is decoded into it; *[]byte takes the bytes
}

// tries is how often a write is repeated, with its key, when nobody knows what became
// of it.
const tries = 5

// do sends a call with an account's token.
func (a *Account) do(ctx context.Context, c call) error {
	return a.client.do(ctx, a.Token, c)
}

// do sends a call under a key of its own, again where nobody knows what became of it.
func (c *client) do(ctx context.Context, token string, what call) error {
	body, err := what.body()
	if err != nil {
		return err
	}
	key := fmt.Sprintf("demo-%s-%d", c.run, c.writes.Add(1))
	for try := 1; ; try++ {
		err := c.send(ctx, token, key, what, body)
		var r *refusal
		if err == nil || ctx.Err() != nil || try == tries || errors.As(err, &r) && r.Status != http.StatusServiceUnavailable {
			if err != nil {
				return fmt.Errorf("%s %s: %w", what.method, what.path, err)
			}
			return nil
		}
		time.Sleep(time.Duration(try) * 200 * time.Millisecond)
	}
}

func (w *call) body() ([]byte, error) {
	switch in := w.in.(type) {
	case nil:
		return nil, nil
	case []byte:
		return in, nil
	}
	w.kind = "application/json"
	return json.Marshal(w.in)
}

func (c *client) send(ctx context.Context, token, key string, what call, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, what.method, c.address+"/api/v1"+what.path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if what.method != http.MethodGet {
		request.Header.Set("Idempotency-Key", key)
		request.Header.Set("Content-Type", what.kind)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		r := &refusal{Status: answer.StatusCode, Detail: strconv.Itoa(len(text)) + " bytes"}
		_ = json.Unmarshal(text, r) // no problem details: the status says enough
		return r
	}
	switch out := what.out.(type) {
	case nil:
		return nil
	case *[]byte:
		*out = text
		return nil
	}
	return json.Unmarshal(text, what.out)
}

func (a *Account) get(ctx context.Context, path string, out any) error {
	return a.do(ctx, call{method: http.MethodGet, path: path, out: out})
}

func (a *Account) post(ctx context.Context, path string, in, out any) error {
	return a.do(ctx, call{method: http.MethodPost, path: path, in: in, out: out})
}

func (a *Account) put(ctx context.Context, path string, in any) error {
	return a.do(ctx, call{method: http.MethodPut, path: path, in: in})
}
