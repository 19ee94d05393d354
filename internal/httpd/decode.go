package httpd

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// apiJSON answers with a JSON body.
func apiJSON(c *fiber.Ctx, status int, body any) error {
	return c.Status(status).JSON(body)
}

// decode reads the one JSON value of the body into the struct that in points to. A member
// that the struct does not have is refused: nobody sets what a call does not offer. So is
// a text with a NUL character, which PostgreSQL cannot keep.
func decode(c *fiber.Ctx, in any) error {
	if !hasType(c, fiber.MIMEApplicationJSON) {
		return malformed()
	}
	decoder := json.NewDecoder(bytes.NewReader(c.Request().Body()))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(in); err != nil {
		return jsonFault(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return malformed()
	}
	return nulFault(c.Request().Body())
}

// nulFault names the member of a JSON body whose text has a NUL character.
func nulFault(body []byte) error {
	if !bytes.Contains(body, []byte(`\u0000`)) {
		return nil // JSON has no other way to write it
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return malformed()
	}
	if field, found := withNUL("body", value); found {
		return invalid(field)
	}
	return nil
}

// withNUL finds the member that holds such a text; name is the one that holds value.
func withNUL(name string, value any) (field string, found bool) {
	switch value := value.(type) {
	case string:
		return name, strings.ContainsRune(value, 0)
	case []any:
		for _, item := range value {
			if field, found := withNUL(name, item); found {
				return field, true
			}
		}
	case map[string]any:
		for member, item := range value {
			if strings.ContainsRune(member, 0) {
				return name, true
			}
			if field, found := withNUL(member, item); found {
				return field, true
			}
		}
	}
	return "", false
}

func malformed() error { return fault.New(fault.Malformed, "malformed_body") }

func invalid(field string) error {
	return fault.New(fault.Invalid, "invalid_input", "field", field)
}

// jsonFault names the member where encoding/json does.
func jsonFault(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) && wrongType.Field != "" {
		return invalid(wrongType.Field)
	}
	if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		if name, err := strconv.Unquote(name); err == nil && len(name) <= 60 {
			return invalid(name)
		}
	}
	return malformed()
}

// decodeForm reads a form into the struct that in points to, field by field after its tag
// `form:"name"`: string (without the spaces around it, but for `form:"name,exact"`, which a
// password needs to be the same here and in the API), bool, whole numbers, vouchers.Cents ("12,50"), slices of them, and
// everything that reads itself from text. A missing field leaves the zero value; a field
// that the struct does not have is refused unless its name begins with "_".
func decodeForm(c *fiber.Ctx, in any) error {
	values, err := formValues(c)
	if err != nil {
		return err
	}
	return decodeValues(values, in)
}

// decodeQuery is decodeForm for a form that came with the address.
func decodeQuery(c *fiber.Ctx, in any) error {
	values, err := url.ParseQuery(string(c.Request().URI().QueryString()))
	if err != nil {
		return malformed()
	}
	return decodeValues(values, in)
}

func decodeValues(values url.Values, in any) error {
	target := reflect.ValueOf(in).Elem()
	known := map[string]bool{}
	for i := range target.NumField() {
		name, option, _ := strings.Cut(target.Type().Field(i).Tag.Get("form"), ",")
		if name == "" {
			continue
		}
		known[name] = true
		texts := values[name]
		if option != "exact" {
			texts = trimmed(texts)
		}
		if len(texts) > 0 && !setAll(target.Field(i), texts) {
			return invalid(name)
		}
	}
	for name := range values {
		if !known[name] && !strings.HasPrefix(name, "_") {
			return invalid(name)
		}
	}
	return nil
}

// formValues are the fields of a form, plain or multipart; files are left to c.FormFile.
func formValues(c *fiber.Ctx) (url.Values, error) {
	switch {
	case isForm(c):
		values, err := url.ParseQuery(string(c.Request().Body()))
		if err != nil {
			return nil, malformed()
		}
		return values, nil
	case isMultipart(c):
		form, err := c.MultipartForm()
		if err != nil {
			return nil, malformed()
		}
		return form.Value, nil
	}
	return nil, malformed()
}

// trimmed gives texts the line ends that we keep, and no spaces around them.
func trimmed(texts []string) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	}
	return all
}

func setAll(field reflect.Value, texts []string) bool {
	if field.Kind() != reflect.Slice || readsText(field) {
		return len(texts) == 1 && setOne(field, texts[0])
	}
	list := reflect.MakeSlice(field.Type(), len(texts), len(texts))
	for i, text := range texts {
		if !setOne(list.Index(i), text) {
			return false
		}
	}
	field.Set(list)
	return true
}

func readsText(field reflect.Value) bool {
	_, ok := field.Addr().Interface().(encoding.TextUnmarshaler)
	return ok
}

// setOne writes one text into one value. An empty text is no answer: the zero value.
func setOne(field reflect.Value, text string) bool {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return false
	}
	if text == "" {
		return true
	}
	switch target := field.Addr().Interface().(type) {
	case *vouchers.Cents:
		return setCents(target, text)
	case encoding.TextUnmarshaler:
		return target.UnmarshalText([]byte(text)) == nil
	}
	switch {
	case field.Kind() == reflect.String:
		field.SetString(text)
	case field.Kind() == reflect.Bool:
		field.SetBool(text == "on" || text == "true" || text == "1")
		return field.Bool() || text == "false" || text == "0"
	case field.CanInt():
		n, err := strconv.ParseInt(text, 10, field.Type().Bits())
		if err != nil {
			return false
		}
		field.SetInt(n)
	default:
		return false
	}
	return true
}

// setCents reads an amount as people type it: "1 250,50", "1250.50", "12 €".
func setCents(target *vouchers.Cents, text string) bool {
	text = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", "€", "", ",", ".").Replace(text)
	cents, err := vouchers.ParseCents(text)
	if err != nil {
		return false
	}
	*target = cents
	return true
}

func hasType(c *fiber.Ctx, want string) bool {
	got, _, _ := strings.Cut(c.Get(fiber.HeaderContentType), ";")
	return strings.EqualFold(strings.TrimSpace(got), want)
}

func isForm(c *fiber.Ctx) bool      { return hasType(c, fiber.MIMEApplicationForm) }
func isMultipart(c *fiber.Ctx) bool { return hasType(c, fiber.MIMEMultipartForm) }

// fieldCount is how many fields a plain form's body can hold, counted without parsing it.
func fieldCount(c *fiber.Ctx) int { return bytes.Count(c.Request().Body(), []byte{'&'}) + 1 }
