// Command stop ends the PostgreSQL that the tests of this machine share and removes
// its folder. `make clean` runs it.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/passerelle/passerelle/internal/pgtest"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := pgtest.Stop(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
