package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// contract is the API's description, as it is served, and what holds requests and
// answers against it.
type contract struct {
	doc     *openapi3.T
	router  routers.Router
	options *openapi3filter.Options
}

func readContract(t *testing.T, description []byte) *contract {
	t.Helper()
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(description)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		t.Fatal(err)
	}
	for name, schema := range doc.Components.Schemas {
		if name != "Problem" {
			forbidOthers(schema)
		}
	}
	for _, path := range doc.Paths.Map() {
		for _, call := range path.Operations() {
			for _, answer := range call.Responses.Map() {
				if media := answer.Value.Content["application/json"]; media != nil && media.Schema.Ref == "" {
					forbidOthers(media.Schema)
				}
			}
		}
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"text/csv", "application/xml", "application/pdf", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"image/jpeg", "image/png"} {
		openapi3filter.RegisterBodyDecoder(kind, openapi3filter.FileBodyDecoder)
	}
	return &contract{doc, router, &openapi3filter.Options{
		AuthenticationFunc: func(context.Context, *openapi3filter.AuthenticationInput) error { return nil }, IncludeResponseStatus: true,
		RejectWhenRequestBodyNotSpecified: true,
		SchemaValidationOptions:           []openapi3.SchemaValidationOption{openapi3.EnableJSONSchema2020(), openapi3.EnableFormatValidation()},
	}}
}

// forbidOthers makes a member that is not described an error. Programs are told to ignore
// those; we are not.
func forbidOthers(s *openapi3.SchemaRef) {
	if s == nil || s.Ref != "" && s.Value == nil {
		return
	}
	v := s.Value
	if len(v.Properties) > 0 && v.AdditionalProperties.Has == nil && v.AdditionalProperties.Schema == nil {
		never := false
		v.AdditionalProperties.Has = &never
	}
	for _, inner := range v.Properties {
		if inner.Ref == "" {
			forbidOthers(inner)
		}
	}
	for _, inner := range v.AnyOf {
		if inner.Ref == "" {
			forbidOthers(inner)
		}
	}
	if v.Items != nil && v.Items.Ref == "" {
		forbidOthers(v.Items)
	}
}

// exchange is a request and what was answered.
type exchange struct {
	request *http.Request
	sent    []byte
	status  int
	header  http.Header
	text    []byte
}

// check holds an exchange against the description. A request that was refused may break
// it; an answer never.
func (c *contract) check(x exchange) error {
	route, params, err := c.router.FindRoute(x.request)
	if err != nil {
		return err
	}
	x.request.Body = io.NopCloser(bytes.NewReader(x.sent))
	in := &openapi3filter.RequestValidationInput{Request: x.request, PathParams: params, Route: route, Options: c.options}
	asked := openapi3filter.ValidateRequest(x.request.Context(), in)
	if asked != nil && x.status < 400 {
		return fmt.Errorf("the request: %w", asked)
	}
	err = openapi3filter.ValidateResponse(x.request.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: x.status, Header: x.header, Body: io.NopCloser(bytes.NewReader(x.text)), Options: c.options})
	if err != nil {
		return fmt.Errorf("the answer: %w", err)
	}
	if x.status < 400 {
		return nil
	}
	var problem struct {
		Status int
		Code   string
	}
	if err := json.Unmarshal(x.text, &problem); err != nil {
		return err
	}
	codes, err := extension[[]string](route.Operation.Extensions["x-codes"])
	if err != nil {
		return err
	}
	for _, code := range codes {
		if code == problem.Code && x.status == problem.Status {
			return nil
		}
	}
	return fmt.Errorf("the answer: code %q with status %d is not among those of the call", problem.Code, x.status)
}

// extension reads an "x-…" member.
func extension[T any](value any) (into T, err error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return into, err
	}
	return into, json.Unmarshal(raw, &into)
}

func TestTheContractIsHeldStrictly(t *testing.T) {
	t.Parallel()
	c := readContract(t, description(t))
	good := `{"id":1,"at":"2026-03-09T09:30:00Z","count":1,"vouchers_left":2}`
	problem := `{"type":"https://x.example/api/docs#not_found","title":"T","status":404,"detail":"D","instance":"I","code":"not_found"}`
	for _, tt := range []struct {
		name, sent, answer, kind string
		status                   int
		good                     bool
	}{
		{"as described", `{"reason":"wrong"}`, good, "application/json", 200, true},
		{"a member too many", `{"reason":"wrong"}`, strings.Replace(good, `{`, `{"more":1,`, 1), "application/json", 200, false},
		{"a member too few", `{"reason":"wrong"}`, strings.Replace(good, `"count":1,`, "", 1), "application/json", 200, false},
		{"null where a number is", `{"reason":"wrong"}`, strings.Replace(good, `"count":1`, `"count":null`, 1), "application/json", 200, false},
		{"no time", `{"reason":"wrong"}`, strings.Replace(good, "T09:30", " 9h30", 1), "application/json", 200, false},
		{"a request that says more", `{"reason":"wrong","why":1}`, good, "application/json", 200, false},
		{"a request without its reason", `{}`, good, "application/json", 200, false},
		{"a status of which nobody spoke", `{"reason":"wrong"}`, good, "application/json", 202, false},
		{"a problem", `{"reason":"wrong"}`, problem, "application/problem+json", 404, true},
		{"a problem as plain JSON", `{"reason":"wrong"}`, problem, "application/json", 404, false},
		{"another call's problem", `{"reason":"wrong"}`, strings.ReplaceAll(problem, "not_found", "code_unknown"), "application/problem+json", 404, false},
	} {
		r := httptest.NewRequest("DELETE", "/api/v1/redemptions/1", strings.NewReader(tt.sent))
		r.Header.Set("Content-Type", "application/json")
		err := c.check(exchange{r, []byte(tt.sent), tt.status, http.Header{"Content-Type": {tt.kind}}, []byte(tt.answer)})
		if (err == nil) != tt.good {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	stray := httptest.NewRequest("GET", "/api/v1/nowhere", nil)
	if err := c.check(exchange{request: stray, status: 200}); !errors.Is(err, routers.ErrPathNotFound) {
		t.Errorf("a path of which nobody spoke: %v", err)
	}
}
