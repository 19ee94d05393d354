package httpd

import (
	_ "embed"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/vouchers"
)

// openAPI is the description of the API (OpenAPI 3.1). Tests compare it with the route
// table and with what is answered.
//
//go:embed openapi.json
var openAPI []byte

func (s *Server) describeAPI(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(openAPI)
}

// keysAnswer is what anybody needs to verify a QR code without network.
type keysAnswer struct {
	Keys vouchers.PublicKeys `json:"keys"`
}

func (i *Issuing) publicKeys(c *fiber.Ctx) error {
	c.Set(fiber.HeaderAccessControlAllowOrigin, "*") // made to be read by other sites' pages too
	c.Set("Cross-Origin-Resource-Policy", "cross-origin")
	c.Set(fiber.HeaderCacheControl, "public, max-age=300")
	return apiJSON(c, http.StatusOK, keysAnswer{i.Keys.Public()})
}

// DocsBody is what api/docs.html shows.
type DocsBody struct {
	Intro    []string
	Groups   []DocsGroup
	Objects  []DocsObject
	Problems []DocsProblem
}

// DocsGroup is the calls of one tag.
type DocsGroup struct {
	Name, Text, ID string
	Calls          []DocsCall
}

// DocsCall is one call.
type DocsCall struct {
	ID, Method, Path, Summary, Text, Access string
	Scopes                                  []string
	Parameters, Body                        []DocsField
	BodyType                                string // of a body that is no JSON
	Answers                                 []DocsAnswer
	Codes                                   []string
	Curl                                    string
}

// DocsAnswer is what a call gives back when it is done.
type DocsAnswer struct {
	Status, Text, Type string
	Object             string // of the section of objects; "" where the fields are shown here
	Fields             []DocsField
	Sample             string
}

// DocsObject is something that several calls give back.
type DocsObject struct {
	Name, Text string
	Fields     []DocsField
}

// DocsField is a member of an object, or a parameter.
type DocsField struct {
	Name, In, Type, Text, Example string
	Object                        string // what it holds, of the section of objects
	Optional                      bool
	Values                        []string // all that it may be
}

// DocsProblem is a stable code.
type DocsProblem struct {
	Code   string `json:"-"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func (s *Server) docs(c *fiber.Ctx) error { return page(c, "api/docs", s.reference) }

// readReference makes the page of the description. origin begins the addresses of its
// examples.
func readReference(description []byte, origin string) (DocsBody, error) {
	api, err := readAPI(description)
	if err != nil {
		return DocsBody{}, err
	}
	body := DocsBody{Intro: strings.Split(api.Info.Description, "\n\n")}
	for _, tag := range api.Tags {
		group := DocsGroup{Name: tag.Name, Text: tag.Description, ID: "tag-" + strings.ToLower(strings.ReplaceAll(tag.Name, " ", "-"))}
		for _, path := range api.Paths {
			for _, method := range path.Value {
				if method.Value.Tags[0] == tag.Name {
					group.Calls = append(group.Calls, api.call(origin, path.Name, method))
				}
			}
		}
		body.Groups = append(body.Groups, group)
	}
	shown := map[string]bool{}
	for _, path := range api.Paths {
		for _, method := range path.Value {
			if sent := method.Value.RequestBody.Content["application/json"].Schema.name(); sent != "" && !api.answered(sent) {
				shown[sent] = true // beside its call, the only one that takes it
			}
		}
	}
	for _, object := range api.Components.Schemas {
		if !shown[object.Name] {
			body.Objects = append(body.Objects, DocsObject{object.Name, object.Value.Description, api.fields(object.Value)})
		}
	}
	for _, problem := range api.Problems {
		problem.Value.Code = problem.Name
		body.Problems = append(body.Problems, problem.Value)
	}
	return body, nil
}
