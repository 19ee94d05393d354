package httpd

import (
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
)

// pageSize is how many items of a list one answer holds.
const pageSize = 50

// pathID is the id in a route's ":name"; what is no id is an object that does not exist.
func pathID[T ~int64](c *fiber.Ctx, name string) (T, error) {
	id, err := strconv.ParseInt(c.Params(name), 10, 64)
	if err != nil || id < 1 {
		return 0, fault.New(fault.NotFound, "not_found")
	}
	return T(id), nil
}

// before is the list's cursor: the answer holds what comes below it; 0 where absent.
func before[T ~int64](c *fiber.Ctx) (T, error) {
	text := c.Query("before")
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, invalid("before")
	}
	return T(id), nil
}

// listing is one page of a list. Next is the cursor of the one that follows, null on the
// last.
type listing[T any] struct {
	Items []T    `json:"items"`
	Next  *int64 `json:"next"`
}

// cut makes a page of items, of which one more than pageSize was asked for.
func cut[T any, ID ~int64](items []T, id func(T) ID) listing[T] {
	if len(items) <= pageSize {
		return listing[T]{Items: items}
	}
	next := int64(id(items[pageSize-1]))
	return listing[T]{Items: items[:pageSize], Next: &next}
}

// nextURL is the address of the page that follows, "" on the last.
func (l listing[T]) nextURL(path string) string {
	if l.Next == nil {
		return ""
	}
	return path + "?before=" + strconv.FormatInt(*l.Next, 10)
}
