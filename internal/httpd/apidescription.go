package httpd

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// apiDescription is what the page of the API needs of an OpenAPI document.
type apiDescription struct {
	Info       struct{ Description string }
	Tags       []struct{ Name, Description string }
	Paths      ordered[ordered[apiCall]]
	Components struct {
		Parameters map[string]apiParameter
		Schemas    ordered[apiSchema]
	}
	Problems ordered[DocsProblem] `json:"x-problem-codes"`
}

type apiCall struct {
	Tags                 []string
	OperationID          string
	Summary, Description string
	Access               string   `json:"x-access"`
	Codes                []string `json:"x-codes"`
	Security             []map[string][]string
	Parameters           []apiParameter
	RequestBody          apiContent
	Responses            ordered[apiContent]
}

type apiParameter struct {
	Ref                   string `json:"$ref"`
	Name, In, Description string
	Required              bool
	Schema                apiSchema
}

type apiContent struct {
	Ref         string `json:"$ref"`
	Description string
	Content     map[string]struct{ Schema apiSchema }
}

type apiSchema struct {
	Ref         string `json:"$ref"`
	Type        oneOrMore
	Description string
	Enum        []string
	Examples    []json.RawMessage
	Items       *apiSchema
	AnyOf       []apiSchema
	Required    []string
	Properties  ordered[apiSchema]
}

// oneOrMore are the types of a schema: "integer", or ["integer", "null"].
type oneOrMore []string

// UnmarshalJSON reads a text or a list of texts.
func (o *oneOrMore) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		*o = make([]string, 1)
		return json.Unmarshal(raw, &(*o)[0])
	}
	return json.Unmarshal(raw, (*[]string)(o))
}

// ordered is a JSON object whose members keep the order of the file.
type ordered[T any] []named[T]

type named[T any] struct {
	Name  string
	Value T
}

// UnmarshalJSON reads an object.
func (o *ordered[T]) UnmarshalJSON(raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return fmt.Errorf("no object: %.20s", raw)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		one := named[T]{Name: fmt.Sprint(name)}
		if err := decoder.Decode(&one.Value); err != nil {
			return err
		}
		*o = append(*o, one)
	}
	return nil
}

func (o ordered[T]) get(name string) (value T) {
	for _, one := range o {
		if one.Name == name {
			return one.Value
		}
	}
	return value
}

func readAPI(description []byte) (*apiDescription, error) {
	var api apiDescription
	if err := json.Unmarshal(description, &api); err != nil {
		return nil, fmt.Errorf("description of the API: %w", err)
	}
	return &api, nil
}

// name is the object that a schema points to, "" where it says all itself.
func (s apiSchema) name() string {
	if len(s.AnyOf) > 0 {
		s = s.AnyOf[0]
	}
	return strings.TrimPrefix(s.Ref, "#/components/schemas/")
}

// answered tells whether an object is part of an answer too.
func (a *apiDescription) answered(name string) bool {
	for _, path := range a.Paths {
		for _, method := range path.Value {
			for _, answer := range method.Value.Responses {
				if answer.Value.Content["application/json"].Schema.name() == name {
					return true
				}
			}
		}
	}
	return false
}

// whole is a schema, followed where it points to an object.
func (a *apiDescription) whole(s apiSchema) apiSchema {
	if name := s.name(); name != "" {
		return a.Components.Schemas.get(name)
	}
	if len(s.AnyOf) > 0 {
		return s.AnyOf[0]
	}
	return s
}

// fields are the members of an object, those of objects within it after a point.
func (a *apiDescription) fields(s apiSchema) []DocsField {
	var all []DocsField
	for _, p := range s.Properties {
		field := newField(p.Name, p.Value)
		field.Optional = !slices.Contains(s.Required, p.Name)
		all = append(all, field)
		within, dots := p.Value, "."
		if within.Items != nil {
			within, dots = *within.Items, "[]."
		}
		if len(within.AnyOf) > 0 {
			within = within.AnyOf[0]
		}
		for _, inner := range a.fields(within) {
			inner.Name = p.Name + dots + inner.Name
			all = append(all, inner)
		}
	}
	return all
}

func newField(name string, s apiSchema) DocsField {
	field := DocsField{Name: name, Text: s.Description, Object: s.name(), Values: s.Enum, Type: strings.Join(s.Type, " | ")}
	if len(s.AnyOf) > 0 {
		field.Type = "object | null"
		field.Text = cmp.Or(field.Text, s.AnyOf[0].Description)
	}
	if s.Items != nil {
		field.Object, field.Values = s.Items.name(), s.Items.Enum
	}
	if len(s.Examples) > 0 {
		field.Example = string(s.Examples[0])
	}
	return field
}

func (a *apiDescription) call(origin, path string, method named[apiCall]) DocsCall {
	op := method.Value
	call := DocsCall{ID: op.OperationID, Method: strings.ToUpper(method.Name), Path: path, Summary: op.Summary, Text: op.Description,
		Access: op.Access, Codes: op.Codes}
	for _, way := range op.Security {
		call.Scopes = append(call.Scopes, way["token"]...)
	}
	for i, p := range op.Parameters {
		if p.Ref != "" {
			p = a.Components.Parameters[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
			op.Parameters[i] = p
		}
		field := newField(p.Name, p.Schema)
		field.In, field.Text, field.Optional = p.In, p.Description, !p.Required
		call.Parameters = append(call.Parameters, field)
	}
	for kind, content := range op.RequestBody.Content {
		call.BodyType = kind
		call.Body = a.fields(a.whole(content.Schema))
	}
	for _, answer := range op.Responses {
		if answer.Value.Ref == "" {
			call.Answers = append(call.Answers, a.answer(answer.Name, answer.Value))
		}
	}
	call.Curl = a.curl(origin, call, op)
	return call
}

func (a *apiDescription) answer(status string, content apiContent) DocsAnswer {
	answer := DocsAnswer{Status: status, Text: content.Description}
	for kind, one := range content.Content {
		answer.Type, answer.Object = kind, one.Schema.name()
		if answer.Object == "" {
			answer.Fields = a.fields(one.Schema)
		}
		if a.whole(one.Schema).Properties != nil {
			answer.Sample = a.sample(one.Schema, "")
		}
	}
	return answer
}

// curl writes a call as a command.
func (a *apiDescription) curl(origin string, call DocsCall, op apiCall) string {
	address := origin + strings.ReplaceAll(call.Path, "{id}", "42")
	lines := []string{"curl"}
	if call.Method != "GET" {
		lines[0] += " -X " + call.Method
	}
	if len(op.Security) > 0 {
		lines = append(lines, `-H "Authorization: Bearer $TOKEN"`)
	}
	for _, p := range op.Parameters {
		switch {
		case p.In == "header":
			lines = append(lines, `-H "`+p.Name+`: `+text(p.Schema)+`"`)
		case p.In == "query" && p.Required:
			address += "?" + p.Name + "=" + text(p.Schema)
		}
	}
	for kind, content := range op.RequestBody.Content {
		lines = append(lines, `-H "Content-Type: `+kind+`"`)
		if call.Body == nil {
			lines = append(lines, "--data-binary @file")
			continue
		}
		lines = append(lines, "-d '"+a.sample(content.Schema, "  ")+"'")
	}
	return strings.Join(append(lines, `"`+address+`"`), " \\\n  ")
}

// text is a schema's example, without quotation marks.
func text(s apiSchema) string {
	if len(s.Examples) == 0 {
		return ""
	}
	return strings.Trim(string(s.Examples[0]), `"`)
}

// sample writes an example of a schema, from the examples of its parts.
func (a *apiDescription) sample(s apiSchema, indent string) string {
	s = a.whole(s)
	switch {
	case len(s.Examples) > 0:
		return string(s.Examples[0])
	case s.Items != nil:
		return "[" + a.sample(*s.Items, indent) + "]"
	case len(s.Properties) == 0:
		return "null"
	}
	var members []string
	for _, p := range s.Properties {
		members = append(members, indent+`  "`+p.Name+`": `+a.sample(p.Value, indent+"  "))
	}
	return "{\n" + strings.Join(members, ",\n") + "\n" + indent + "}"
}
