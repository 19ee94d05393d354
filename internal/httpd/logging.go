package httpd

import (
	"context"
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"
)

// routeName is the route's pattern, never the path: paths may hold a booklet's code.
func routeName(r *request) string {
	if r.route == nil {
		return "unmatched"
	}
	return r.route.Path
}

// record writes the access log and the histogram.
func (s *Server) record(c *fiber.Ctx, r *request, took time.Duration) {
	status := c.Response().StatusCode()
	s.measures.observe(c.Method(), routeName(r), status, took)
	s.options.Log.LogAttrs(context.Background(), slog.LevelInfo, "request",
		slog.String("method", c.Method()),
		slog.String("route", routeName(r)),
		slog.Int("status", status),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("request_id", r.id),
	)
}

func (s *Server) healthz(c *fiber.Ctx) error { return c.SendString("ok\n") }

func (s *Server) readyz(c *fiber.Ctx) error {
	if err := s.options.Ready(c.UserContext()); err != nil {
		s.options.Log.Warn("not ready", "request_id", of(c).id, "error", err.Error())
		return c.Status(fiber.StatusServiceUnavailable).SendString("not ready\n")
	}
	return c.SendString("ready\n")
}
