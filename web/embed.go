// Package web holds what browsers receive: layout, pages room by room, message
// catalogues and static files. It is embedded in the program and has no logic.
package web

import "embed"

// Files holds the folders layout, pages, locales and static.
//
//go:embed layout pages locales static
var Files embed.FS
