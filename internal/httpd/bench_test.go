package httpd

import (
	"io"
	"log/slog"
	"testing"

	"github.com/valyala/fasthttp"
)

// BenchmarkRequest is what the window adds to a call: everything but the use case.
func BenchmarkRequest(b *testing.B) {
	site, err := loadSite()
	if err != nil {
		b.Fatal(err)
	}
	w := setup(b, func(o *Options) { o.Site, o.Log = site, slog.New(slog.NewJSONHandler(io.Discard, nil)) },
		Route{Method: "POST", Path: "/api/v1/x", Handler: answering("{}"), Access: SignedIn, Doc: "x"})
	handler := w.App.Handler()
	var ctx fasthttp.RequestCtx
	ctx.Request.Header.SetMethod("POST")
	ctx.Request.SetRequestURI("/api/v1/x")
	ctx.Request.Header.Set("Authorization", "Bearer agent")
	ctx.Request.Header.Set("Idempotency-Key", "12345678")
	b.ReportAllocs()
	for b.Loop() {
		ctx.ResetUserValues()
		ctx.Response.Reset()
		handler(&ctx)
	}
	if ctx.Response.StatusCode() != 200 {
		b.Fatal(ctx.Response.StatusCode(), string(ctx.Response.Body()))
	}
}
