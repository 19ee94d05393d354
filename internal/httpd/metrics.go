package httpd

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
)

// series names one histogram. Route is a pattern, so that there are as many series as
// routes and no path is told.
type series struct {
	method, route string
	status        int
}

// bounds are the histogram's upper bounds, in seconds.
var bounds = [...]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15}

type histogram struct {
	within [len(bounds)]uint64 // requests that took at most bounds[i]
	count  uint64
	sum    float64 // seconds
}

// durations counts how long requests took, for Prometheus.
type durations struct {
	mu  sync.Mutex
	all map[series]*histogram
}

func (d *durations) observe(of series, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.all[of]
	if h == nil {
		h = &histogram{}
		d.all[of] = h
	}
	h.count++
	h.sum += took.Seconds()
	for i, bound := range bounds {
		if took.Seconds() <= bound {
			h.within[i]++
		}
	}
}

// write gives Prometheus's text format, version 0.0.4.
func (d *durations) write(w io.Writer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const name = "passerelle_http_request_seconds"
	fmt.Fprintf(w, "# HELP %s Time to answer a request, by route pattern.\n# TYPE %s histogram\n", name, name)
	for _, of := range slices.SortedFunc(maps.Keys(d.all), series.compare) {
		h := d.all[of]
		labels := fmt.Sprintf("method=%q,route=%q,status=\"%d\"", of.method, of.route, of.status)
		for i, bound := range bounds {
			fmt.Fprintf(w, "%s_bucket{%s,le=%q} %d\n", name, labels, strconv.FormatFloat(bound, 'g', -1, 64), h.within[i])
		}
		fmt.Fprintf(w, "%s_bucket{%s,le=\"+Inf\"} %d\n", name, labels, h.count)
		fmt.Fprintf(w, "%s_sum{%s} %g\n%s_count{%s} %d\n", name, labels, h.sum, name, labels, h.count)
	}
}

func (s series) compare(other series) int {
	return cmp.Or(cmp.Compare(s.route, other.route), cmp.Compare(s.method, other.method), cmp.Compare(s.status, other.status))
}

func (s *Server) metrics(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, "text/plain; version=0.0.4; charset=utf-8")
	s.durations.write(c)
	return nil
}
